from dataclasses import fields

import pytest

from unmask.datagen.common.page import visible
from unmask.datagen.common.svg import element, text
from unmask.model.metrics.metrics import EditScores, MapScores
from unmask.model.metrics.table import SCORES, Score, score_of, score_words


@pytest.mark.parametrize("kind", [EditScores, MapScores])
def test_every_number_that_is_measured_has_words_a_meaning_and_a_direction(kind: type):
    for field in fields(kind):
        score = score_of(field.name)
        assert score_words(field.name).startswith(score.words)
        assert score.meaning.endswith(".")
        assert score.better in ("high", "low", "zero")


def test_a_column_is_the_score_that_it_ends_with():
    assert score_of("val_predicted_mask_psnr") is score_of("psnr") is SCORES["psnr"]
    assert score_of("map_abs_area_error") is SCORES["abs_area_error"]
    assert score_of("map_raw_area_error") is SCORES["area_error"]
    for name in ("judge_below_80", "", "seconds"):
        with pytest.raises(KeyError):
            score_of(name)


def test_values_are_written_with_their_digits_and_judged_by_their_direction():
    psnr, l1, area = SCORES["psnr"], SCORES["l1"], SCORES["area_error"]
    assert psnr.write(28.456, unit=True) == "28.46 dB"
    assert psnr.write(28.456, brief=True) == "28.5"
    assert l1.write(-0.5, sign=True) == "\N{MINUS SIGN}0.50"
    assert psnr.write(None) == "-"
    assert psnr.verdict(28, 27) == l1.verdict(2, 3) == area.verdict(-0.1, 0.3) == "better"
    assert psnr.verdict(27, 28) == l1.verdict(3, 2) == area.verdict(0.3, -0.1) == "worse"
    assert Score("unknown", better="").verdict(1, 2) == "differs"


def test_what_drawings_and_pages_are_given_is_escaped_and_made_visible():
    assert element("title", "<b>&", x=1 / 3, aria_label='"') == (
        '<title x="0.33" aria-label="&#34;">&lt;b&gt;&amp;</title>'
    )
    assert element("g", text(1, 2, "a\tb")).count("a\\x09b</text></g>") == 1
    assert visible("caf\udce9\n") == "caf\\udce9\\x0a"
    assert visible(3) == 3
