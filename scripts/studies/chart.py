"""Line charts as SVG and colour pictures as PNG, with the standard library and NumPy alone."""
import math
import struct
import zlib
from xml.sax.saxutils import escape

import numpy as np

COLOURS = ["#1f6fb4", "#d9571e", "#2c8f5a", "#8a4fb0", "#b8860b", "#c2385a", "#3a8fa3", "#6b6b6b", "#7a8f1f", "#a0522d"]
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 460, 300, 58, 30, 14, 42          # of one panel and its margins, in pixels


def ticks(low, high, wanted=5):
    """Round numbers from low to high, about so many."""
    rough = (high - low) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def panel(left, top, title, x_name, y_name, lines, limits=None):
    """One chart. lines: name, x, y, colour, dashed; a name of "" stays out of the legend. limits: of y."""
    finite = [v for line in lines for v in line[2] if math.isfinite(v)]
    low, high = limits or (min(finite), max(finite))
    if not limits:
        low, high = low - 0.04 * (high - low or 1), high + 0.04 * (high - low or 1)
    x_low, x_high = min(min(line[1]) for line in lines), max(max(line[1]) for line in lines)
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x, y):
        return (left + LEFT + wide * (x - x_low) / ((x_high - x_low) or 1),
                top + TOP + tall * (1 - (min(max(y, low), high) - low) / (high - low)))

    out = [f'<text x="{left + LEFT}" y="{top + 18}" font-weight="bold">{escape(title)}</text>']
    for tick in ticks(low, high):
        _, y = at(x_low, tick)
        out.append(f'<line x1="{left + LEFT}" x2="{left + WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                   f'<text x="{left + LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.6g}</text>')
    for tick in ticks(x_low, x_high):
        x, _ = at(tick, low)
        out.append(f'<text x="{x:.1f}" y="{top + HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:.6g}</text>')
    out.append(f'<text x="{left + LEFT + wide / 2}" y="{top + HEIGHT - 8}" text-anchor="middle">{escape(x_name)}</text>')
    out.append(f'<text transform="translate({left + 13},{top + TOP + tall / 2}) rotate(-90)" text-anchor="middle">'
               f'{escape(y_name)}</text>')
    for _, xs, ys, colour, dashed in lines:
        points = " ".join("%.1f,%.1f" % at(x, y) for x, y in zip(xs, ys) if math.isfinite(y))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"'
                   f'{" stroke-dasharray=%s" % chr(34) + "5 3" + chr(34) if dashed else ""}/>')
    return out


def legend(left, top, entries, width):
    """Names with their strokes, as many in a row as fit; returns the SVG and how tall it is."""
    out, x, y = [], left, top
    for name, colour, dashed in entries:
        wide = 40 + 7 * len(name)
        if x > left and x + wide > width:
            x, y = left, y + 18
        out.append(f'<line x1="{x}" x2="{x + 22}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"'
                   f'{" stroke-dasharray=%s" % chr(34) + "5 3" + chr(34) if dashed else ""}/>'
                   f'<text x="{x + 27}" y="{y + 4}">{escape(name)}</text>')
        x += wide
    return out, y - top + 18


def write_svg(path, panels, columns=2):
    """Panels (the arguments of panel, without its place) in rows of so many columns, with one legend below."""
    rows = -(-len(panels) // columns)
    width, height = columns * WIDTH, rows * HEIGHT
    body, entries = [], []
    for i, one in enumerate(panels):
        body += panel((i % columns) * WIDTH, (i // columns) * HEIGHT, *one)
        entries += [(n, c, d) for n, _, _, c, d in one[3] if n and (n, c, d) not in entries]
    names, tall = legend(LEFT, height + 12, entries, width)
    path.write_text("\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + tall + 10}"'
        f' width="{width}" height="{height + tall + 10}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>', *body, *names, "</svg>"]) + "\n")


def write_png(path, pixels):
    """pixels: uint8 [height, width, 3]."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
