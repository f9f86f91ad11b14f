"""A reproducible set of charts with the sizes that real ones have."""
import base64
import math
import random

from tests.support import charts

KIB, MIB = 1024, 1024 * 1024
EXTREMES = {0: (2 * KIB, 8 * KIB, 5), 1: (MIB, 12 * MIB, 248)}  # packed, unpacked, files: seldom met by chance


def spread(chooser, median, percentile95, low, high):
    """Log-normal with the given median and 95th percentile, clipped."""
    sigma = math.log(percentile95 / median) / 1.645
    return min(high, max(low, chooser.lognormvariate(math.log(median), sigma)))


def files_of_chart(seed, name):
    """{path: bytes}: about `packed` bytes that gzip cannot shrink, the rest that it can."""
    chooser = random.Random(seed)
    packed = spread(chooser, 48 * KIB, 208 * KIB, 2 * KIB, MIB)
    unpacked = min(12 * MIB, packed * chooser.uniform(4.5, 6.7))
    count = round(spread(chooser, 25, 78, 5, 248))
    if seed in EXTREMES:
        packed, unpacked, count = EXTREMES[seed]
    noise = base64.encodebytes(chooser.randbytes(int(packed * 0.94)))
    text = b"".join(b"  key%d: {{ .Values.%s | quote }}\n" % (i % 97, name.encode()) for i in range(2000))
    files = charts.chart_files(name, "1.0.0")
    rest = count - len(files)
    for number in range(rest):
        mine = noise[len(noise) * number // rest:len(noise) * (number + 1) // rest]
        filler = max(0, int(unpacked / rest) - len(mine))
        repeated = (text * (filler // len(text) + 1))[:filler]
        files[f"templates/part-{number // 20}/file{number:03}.yaml"] = mine + repeated
    return files


def chart_set(count):
    """Yields (name, archive bytes, unpacked bytes, file count)."""
    for number in range(count):
        name = f"chart{number:05}"
        files = files_of_chart(number, name)
        yield name, charts.archive(files, top=name), sum(map(len, files.values())), len(files)
