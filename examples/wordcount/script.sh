#!/bin/sh
# Reads a text, prints as JSON how many words, lines and sentences it has and which words it uses most.
python3 - <<'PYTHON'
import json
import os
import re
from collections import Counter
from pathlib import Path

text = Path(os.environ["INPUT_FILE_PATH"]).read_text(encoding="utf-8")
words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.casefold())
print(json.dumps({
    "words": len(words),
    "different": len(set(words)),
    "lines": len(text.splitlines()),
    "sentences": len(re.findall(r"[.!?…]+(?=\s|$)", text)),
    "most": Counter(words).most_common(5),
}, ensure_ascii=False))
PYTHON
