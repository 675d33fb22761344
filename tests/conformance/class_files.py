"""Jackson under the name by which Iceberg's runtime for Spark calls it.

Maven's runtime holds a copy of Jackson below `org.apache.iceberg.shaded`. The wheel that has the runtime left this copy out, so it
is made from the Jackson that Spark has: as Maven's shade plugin does, the package is renamed in the constants of each class.
"""

import struct
import zipfile
from pathlib import Path

OLD, NEW = "com/fasterxml/jackson", "org/apache/iceberg/shaded/com/fasterxml/jackson"
NAMES = ("core", "databind", "annotations")
# Sizes of a class file's constants behind their tag (JVM specification, 4.4); text has a length of its own.
SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
TEXT, TWO_PLACES = 1, (5, 6)


def renamed(name: bytes) -> bytes:
    """A constant with Jackson's package renamed, in both spellings."""
    for old, new in ((OLD, NEW), (OLD.replace("/", "."), NEW.replace("/", "."))):
        name = name.replace(old.encode(), new.encode())
    return name


def relocated(code: bytes) -> bytes:
    """A class file whose constants name the new package."""
    (count,) = struct.unpack_from(">H", code, 8)
    made, at, number = bytearray(code[:10]), 10, 1
    while number < count:
        tag = code[at]
        if tag == TEXT:
            (length,) = struct.unpack_from(">H", code, at + 1)
            text = renamed(code[at + 3 : at + 3 + length])
            made += struct.pack(">BH", tag, len(text)) + text
            at += 3 + length
        else:
            made += code[at : at + 1 + SIZES[tag]]
            at += 1 + SIZES[tag]
        number += 2 if tag in TWO_PLACES else 1
    return bytes(made) + code[at:]


def relocated_jackson(spark_jars: Path, target: Path) -> Path:
    """Write the renamed classes of Spark's Jackson as one jar."""
    with zipfile.ZipFile(target, "w") as made:
        for name in NAMES:
            (jar,) = spark_jars.glob(f"jackson-{name}-2.*.jar")
            with zipfile.ZipFile(jar) as given:
                for item in given.namelist():
                    if item.startswith(OLD) and item.endswith(".class"):
                        made.writestr(item.replace(OLD, NEW), relocated(given.read(item)))
    return target
