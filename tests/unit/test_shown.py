"""Outputs shown by their kind, whatever is in them."""

import io
import json

import numpy as np

from jupyter_oscar.notebook.shown import bundle

EVIL = "<script>alert(1)</script>"


def test_a_table_is_a_table_with_its_words_escaped_and_says_what_is_left_out():
    rows = "\n".join(f"{number},{EVIL}" for number in range(60))
    html = bundle(f"gauge,level\n{rows}\n".encode(), "a.csv", "a.csv")["text/html"]
    assert html.count("<tr>") == 51
    assert "and 10 more rows" in html
    assert EVIL not in html


def test_json_records_are_a_table_and_other_json_is_indented():
    rows = [{"gauge": "A", "level": 1}, {"gauge": EVIL, "more": None}]
    html = bundle(json.dumps(rows).encode(), "a.json", "")["text/html"]
    assert html.count("<th ") == 3
    assert EVIL not in html
    assert bundle(b'{"a":1}', "a.json", "")["text/plain"] == '{\n  "a": 1\n}'
    assert bundle(b"{", "a.json", "")["text/plain"] == "{"


def test_an_array_says_its_shape_and_type_and_one_that_holds_objects_is_not_opened():
    file = io.BytesIO()
    np.save(file, np.zeros((3, 4), np.float32))
    assert bundle(file.getvalue(), "a.npy", "a.npy")["text/plain"].startswith("float32 array of 3 × 4\n")
    objects = io.BytesIO()
    np.save(objects, np.array([object()]), allow_pickle=True)
    assert bundle(objects.getvalue(), "a.npy", "a.npy 1 kB") == {"text/plain": "a.npy 1 kB"}


def test_bytes_and_svg_are_never_rendered():
    assert bundle(b"\x00\x01", "a.bin", "a.bin 2 B") == {"text/plain": "a.bin 2 B"}
    svg = bundle(b"<svg onload=alert(1)>", "a.svg", "")
    assert "image/svg+xml" not in svg
    assert "<svg" not in svg["text/html"]
