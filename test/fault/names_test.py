"""Two hundred file names: many scripts, bytes that are no text, everything a shell fears. Each is taken in and told."""
import os

import faulty
import rushes
from faulty import check_sound, run, tap

WORDS = """
Ameli·Büßte·Ærlig·Łódź·Çağrı·İstanbul·Ñandú·Žluťoučký·Đặng·Þór·Ġużè·ŵyr·Ởngoài·Ɛwe·Ŋgala·Ƙasa·Ɓoyi·ʻŌlelo·Māori·Ǆep
Ελληνικά·Русский·Українська·Български·Српски·Ქართული·Հայերեն·עברית·العربية·فارسی·اردو·پښتو·ދިވެހި·ܣܘܪܝܝܐ·ߒߞߏ
हिन्दी·मराठी·नेपाली·বাংলা·অসমীয়া·ਪੰਜਾਬੀ·ગુજરાતી·ଓଡ଼ିଆ·தமிழ்·తెలుగు·ಕನ್ನಡ·മലയാളം·සිංහල·ไทย·ລາວ·မြန်မာ·ខ្មែរ·བོད་ཡིག·ᠮᠣᠩᠭᠣᠯ
中文·繁體中文·日本語·ひらがな·カタカナ·ﾊﾝｶｸ·한국어·ᄒᆞᆫ·ꦗꦮ·ᮞᮥᮔ᮪ᮓ·ᬩᬮᬶ·ትግርኛ·አማርኛ·ⵜⵉⴼⵉⵏⴰⵖ·ᏣᎳᎩ·ᐃᓄᒃᑎᑐᑦ·ꆈꌠ·ꓡꓲꓢꓴ·ᱥᱟᱱᱛᱟᱲᱤ·𐐔𐐯𐑅𐐨·𞤆𞤵𞤤𞤢𞤪·𓂋𓏺𓈖·𒀭𒂗·𐤀𐤋𐤐·ᚠᚢᚦ·ᛘᛅᚦᚱ·Ⰳⰾⰰ·ⲙⲛ·𐌰𐌹𐍅
🎬🎥·👨‍👩‍👧‍👦·🇩🇪·❤️·e\u0301·\u202ertl·\u200b·\u00a0·a\u0300\u0301\u0302\u0303·ﬁ·Ⅻ·①·㎞·𝔉𝔦𝔩𝔪·ￆ
"""
ODD = ["new\nline", "carriage\rreturn", "tab\ttab", "\x01\x02\x1b[31mred", "\x7f", "quo'te", 'dou"ble', "back\\slash", "`tick`",
       "$(touch pwned)", "${HOME}", "; rm -rf x", "a|b", "a&b", "a>b", "a<b", "*", "?", "[a-z]", "{a,b}", "~", "#hash", "%s%n%d",
       "100%", "!bang", "=", "@at", ":colon", "a:b", ",", "two  spaces", " lead", "trail ", ".hidden", "..two", "...", "-dash",
       "--data", "--", "a.b.c", "noext", "CON", "NUL", "file:x", "http:x", "pipe:0", "concat:a", "data:x", "fd:3", "cache:x",
       "' OR 1=1 --", "<b>html<b>", "{\"json\":1}", "null", "0", "&amp;", "a" * 251, "é" * 125, "中" * 83]
RAW = [b"\xff\xfe", b"\x80", b"\xc3\x28", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf", b"caf\xe9", b"\x8a\xbf\x89\xe6",
       b"\xe4\xb8", b"good\xffbad\xfeend", b"\xff" * 250]


def names():
    made = []
    for word in WORDS.split():
        made += [w.encode() for w in word.encode().decode("utf-8").replace("\\u0301", "\u0301").split("·")]
    made += [w.encode() for w in ODD] + RAW
    rest = [w for w in made if len(w) < 60]
    made = list(dict.fromkeys(made))
    for i in range(400):  # the rest as pairs, as people name files
        if len(made) < 200:
            pair = rest[i * 7 % len(rest)] + b" - " + rest[i * 11 % len(rest)]
            made += [pair] if pair not in made else []
    return made


def one_frame():
    """The least film there is: two hundred of them must be bearable."""
    path = rushes.new_path("frame.mp4")
    rushes.ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=0.2", "-c:v", "libx264", "-preset", "ultrafast",
                  "-pix_fmt", "yuv420p", path)
    faulty._film[:] = [path]


def test_two_hundred_names_are_taken_in_and_told():
    one_frame()
    folder, data = os.fsencode(os.path.dirname(rushes.new_path("x"))), rushes.library()
    paths = []
    for i, name in enumerate(names()):
        path = os.path.join(folder, name + b".mp4")
        with open(path, "wb") as f:
            f.write(faulty.variant(i))
        paths.append(path)
    assert len(paths) >= 200, len(paths)
    groups = [paths[i::8] for i in range(8)]  # "--": names that look like options are among them
    told = faulty.in_parallel([lambda g=g: run("ingest", "--data", data, "--json", "--no-ocr", "--", *g).lines()
                               for g in groups])
    told = [line for lines in told for line in lines]
    tap.equal(len(told), len(paths), "answers")
    rows = check_sound(data, "names")
    tap.equal(rows.count("videos"), len(paths), "videos")
    tap.equal({v["state"] for v in rows.tables["videos"]}, {"indexed"}, "states")
    kept = {v["filename"] for v in rows.tables["videos"]}
    for path in paths:
        name = os.path.basename(path).decode("utf-8", "replace")
        if name.isprintable() and "\ufffd" not in name and len(name.encode()) < 255:
            assert name in kept, f"{name!r} is not the name of a video"
    for v in rows.tables["videos"]:
        for text in (v["filename"], v["title"]):
            assert text and not any(ord(c) < 32 for c in text), f"{text!r}"
    assert not os.path.exists(os.path.join(os.fsdecode(folder), "pwned"))
    done = run("rebuild", "--data", data)
    check_sound(data, "names after rebuild")


def test_names_that_say_what_is_wrong_are_printable():
    one_frame()
    for name in (b"\xff\xfe", b"new\nline", b"\x1b[31mred", b"a" * 300, b""):
        done = run("ingest", "--data", rushes.library(), "--", b"/no/such/" + name, want=None)
        assert done.code != rushes.OK
        said = faulty.check_sentence(done, repr(name))
        assert said.isprintable(), repr(said)


tap.main(globals())
