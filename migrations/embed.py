#!/usr/bin/env python3
"""Writes a C file that holds numbered migrations: embed.py OUT.c SYMBOL FILE.sql...

Files are named NNNN_name.sql and must be numbered 1, 2, 3 without gaps; anything else stops the build."""
import hashlib
import pathlib
import re
import sys


def c_lines(text):
    for line in text.splitlines(keepends=True):
        out = ''
        for byte in line.encode('utf-8'):
            char = chr(byte)
            if char in '"\\':
                out += '\\' + char
            elif char == '\n':
                out += '\\n'
            elif 32 <= byte < 127 and char != '?':
                out += char
            else:
                out += '\\%03o' % byte
        yield f'    "{out}"'


def main():
    out, symbol, *names = sys.argv[1:]
    files = sorted((pathlib.Path(n) for n in names), key=lambda p: p.name)
    rows = []
    for want, path in enumerate(files, 1):
        m = re.fullmatch(r'(\d{4})_([a-z0-9_]+)\.sql', path.name)
        if not m or int(m[1]) != want:
            sys.exit(f'{path}: expected {want:04}_name.sql')
        text = path.read_text(encoding='utf-8')
        digest = hashlib.sha256(text.encode('utf-8')).hexdigest()
        body = '\n'.join(c_lines(text))
        rows.append(f'{{.version = {want}, .name = "{m[2]}", .sha256 = "{digest}", .sql =\n{body}}},\n')
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Made by migrations/embed.py. */\n#include "db/db_priv.h"\n\n')
        f.write(f'const struct migration {symbol}[] = {{\n{"".join(rows)}}};\n')
        f.write(f'const size_t {symbol}_n = {len(rows)};\n')


main()
