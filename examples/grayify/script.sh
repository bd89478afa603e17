#!/bin/sh
# Reads one picture, writes it in shades of grey under the same name.
python3 - <<'PYTHON'
import os
import sys
from pathlib import Path

try:
    from PIL import Image, ImageOps
except ImportError:
    sys.exit("grayify needs Pillow in its image (on the sandbox: pip install 'jupyter-oscar[examples]')")

source = Path(os.environ["INPUT_FILE_PATH"])
target = Path(os.environ["TMP_OUTPUT_DIR"], f"{source.stem}_gray.png")
with Image.open(source) as picture:
    upright = ImageOps.exif_transpose(picture)
    print(f"{source.name}: {picture.format}, {upright.width} x {upright.height}", flush=True)
    ImageOps.grayscale(upright.convert("RGB")).save(target)
print(f"wrote {target.name}", flush=True)
PYTHON
