"""Sources: every encoder goes on the air unchanged, and nobody else does."""
import subprocess
import threading
import time

import pytest

from lib import ears, sound, sources, web
from lib.sources import Child, RawSource, code_source, ffmpeg_source, set_title, tone_source
from lib.station import KEY, OTHER_KEY, SHOUTCAST_KEY, wait_for

MOUNTS = {"mp3": "/wxyz/mp3-128.mp3", "aac": "/wxyz/aac-96.aac", "opus": "/wxyz/opus-96.opus"}
FORMS = {"mp3": "mp3", "aac": "aac", "opus": "ogg"}
KBPS = {"mp3": 128, "aac": 96, "opus": 96}


def hear(station, codec="mp3", seconds=5.0, **more):
    """Listens for some seconds of sound and returns it decoded."""
    with ears.Ear(station.port, MOUNTS[codec], **more) as ear:
        ear.start().wait_seconds(seconds, KBPS[codec], seconds + 30)
        return sound.decode(bytes(ear.sound), FORMS[codec])


def assert_tone(samples, hz, at_least_s=2.0):
    assert len(samples) > at_least_s * sound.RATE
    assert sound.pitch_hz(samples) == pytest.approx(hz, abs=6)
    # The first frames after a join lean on frames that were not heard (bit reservoir, overlap).
    assert sound.holes_ms(samples, skip_s=0.1) == 0
    assert sound.largest_step(samples[1600:]) < 1.3 * sound.largest_step(
        samples[1600:1600 + sound.RATE])


# ---- encoders


@pytest.mark.quick
@pytest.mark.parametrize("codec,hz", [("mp3", 440), ("aac", 550), ("opus", 660)])
def test_ffmpeg_puts_a_codec_on_the_air(mast, tmp_path, codec, hz):
    with ffmpeg_source(tmp_path, mast.port, codec, hz) as encoder:
        mast.wait_on_air()
        assert_tone(hear(mast, codec), hz)
        assert encoder.is_running(), encoder.text()


def test_ffmpeg_of_old_logs_in_by_source(mast, tmp_path):
    with ffmpeg_source(tmp_path, mast.port, "mp3", 500, legacy=True):
        mast.wait_on_air()
        assert_tone(hear(mast), 500)


EZSTREAM = """<ezstream>
  <servers><server><protocol>HTTP</protocol><hostname>127.0.0.1</hostname>
    <port>{port}</port><user>source</user><password>{key}</password>
    <reconnect_attempts>0</reconnect_attempts></server></servers>
  <streams><stream><mountpoint>/wxyz</mountpoint><format>MP3</format>
    </stream></streams>
  <intakes><intake><type>file</type><filename>{clip}</filename></intake></intakes>
  <metadata><format_str>@a@ - @t@</format_str></metadata>
</ezstream>
"""


def ezstream(folder, port, hz=440, seconds=60):
    clip = folder / "clip.mp3"
    tagged = subprocess.run(
        [*sound.FFMPEG, "-f", "mp3", "-i", "pipe:0", "-c", "copy", "-metadata", "artist=Ézé",
         "-metadata", "title=Stream", "-id3v2_version", "3", "-f", "mp3", "pipe:1"],
        input=sound.clip("mp3", seconds, hz), capture_output=True, check=True)
    clip.write_bytes(tagged.stdout)
    conf = folder / "ezstream.xml"
    conf.write_text(EZSTREAM.format(port=port, key=KEY, clip=clip))
    conf.chmod(0o600)
    return Child(["ezstream", "-c", str(conf)], folder)


def test_ezstream_goes_on_the_air_with_its_title(mast, tmp_path):
    with ezstream(tmp_path, mast.port, 620) as encoder:
        mast.wait_on_air()
        assert_tone(hear(mast), 620)
        wait_for(lambda: mast.title() == "Ézé - Stream", 10,
                 why=f"title is {mast.title()!r}: {encoder.text()}")


LIQUIDSOAP = """settings.init.allow_root.set(true)
settings.log.stdout.set(true)
s = insert_metadata(sine(duration=600., 700.))
thread.run(delay=3., {{ s.insert_metadata([("artist", "Liquide"), ("title", "Été")]) }})
output.icecast({format}, host="127.0.0.1", port={port}, user="source", password="{key}",
  mount="/wxyz", name="Liquidsoap", {more} mksafe(s))
"""


def liquidsoap(folder, port, more=""):
    script = folder / "station.liq"
    script.write_text(LIQUIDSOAP.format(format="%mp3(bitrate=128)", port=port, key=KEY, more=more))
    return Child(["liquidsoap", str(script)], folder, env={"HOME": str(folder)})


@pytest.mark.parametrize("more", ["", 'method="put", ', 'chunked=true, method="put", '],
                         ids=["source", "put", "chunked"])
def test_liquidsoap_goes_on_the_air_with_its_title(mast, tmp_path, more):
    with liquidsoap(tmp_path, mast.port, more) as encoder:
        wait_for(lambda: mast.is_on_air() or not encoder.is_running(), 60, why="not on the air")
        assert encoder.is_running(), encoder.text()
        assert_tone(hear(mast), 700)
        wait_for(lambda: mast.title() == "Liquide - Été", 15,
                 why=f"title is {mast.title()!r}: {encoder.text()[-2000:]}")


DARKICE = """[general]
duration = 0
bufferSecs = 1
realtime = no
reconnect = yes
[input]
device = silent
sampleRate = 44100
bitsPerSample = 16
channel = 2
[icecast2-0]
bitrateMode = cbr
format = mp3
bitrate = 128
server = 127.0.0.1
port = {port}
mountPoint = wxyz
password = {key}
name = Darkice
"""


def test_darkice_goes_on_the_air(mast, tmp_path):
    (tmp_path / "darkice.cfg").write_text(DARKICE.format(port=mast.port, key=KEY))
    (tmp_path / "alsa.conf").write_text("pcm.silent { type null }\nctl.silent { type null }\n")
    with Child(["darkice", "-c", str(tmp_path / "darkice.cfg")], tmp_path,
               env={"ALSA_CONFIG_PATH": str(tmp_path / "alsa.conf")}) as encoder:
        wait_for(lambda: mast.is_on_air() or not encoder.is_running(), 20, why="not on the air")
        assert encoder.is_running(), encoder.text()
        # The null device gives silence, so what is judged is that it decodes to as much of it.
        assert len(hear(mast, seconds=6)) > 5 * sound.RATE
        assert encoder.is_running(), encoder.text()


def test_curl_uploads_chunks(mast, tmp_path):
    args = ["curl", "-sS", "--no-buffer", "-T", "-", "-H", "Content-Type: audio/mpeg", "-H",
            "Transfer-Encoding: chunked", "-u", f"source:{KEY}",
            f"http://127.0.0.1:{mast.port}/wxyz"]
    with Child(args, tmp_path, stdin=subprocess.PIPE) as encoder:
        parts = sources.pieces(sound.clip("mp3", 30, 480), "mp3")
        began, sent = time.monotonic(), 0.0
        for seconds, data in parts[:600]:
            while sent - 2 > time.monotonic() - began:
                time.sleep(0.02)
            encoder.process.stdin.write(data)
            encoder.process.stdin.flush()
            sent += seconds
            if sent > 8:
                break
        mast.wait_on_air(seconds=1)
        heard = hear(mast, seconds=3)
        encoder.process.stdin.close()
        assert encoder.wait(20) == 0, encoder.text()
    assert_tone(heard, 480, at_least_s=1.5)


# ---- the protocol by hand


@pytest.mark.quick
def test_sound_is_passed_through_byte_for_byte(mast):
    clip = sound.clip("mp3", 30, 440)
    with RawSource(mast.port, data=clip, ahead_s=2.0) as source:
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port) as ear:
            ear.start().wait_seconds(8)
            assert bytes(ear.sound) in clip


@pytest.mark.parametrize("method,version,lines", [
    ("SOURCE", "1.0", "\r\n"), ("SOURCE", "1.0", "\n"), ("SOURCE", "1.1", "\r\n"),
    ("PUT", "1.1", "\r\n")])
def test_each_form_of_login_gets_the_answer_it_needs(mast, method, version, lines):
    with tone_source(mast.port, method=method, version=version, lines=lines,
                     headers={"Expect": None}) as source:
        source.start(expect=(200,))
        assert source.answer == b"HTTP/1.0 200 OK\r\n\r\n"
        mast.wait_on_air()


def test_an_ice_1_0_login_goes_on_the_air(mast):
    clip = sound.clip("mp3", 30, 440)
    head = (f"SOURCE /wxyz ICE/1.0\nauthorization: {web.basic('source', KEY)}\n"
            "content-type: audio/mpeg\nice-name: old\n\n").encode()
    with RawSource(mast.port, data=clip, ahead_s=2.0) as source:
        source.head = head
        source.start(expect=(200,))
        mast.wait_on_air()
        assert_tone(hear(mast), 440)


def test_put_with_expect_gets_100_first(mast):
    with tone_source(mast.port) as source:
        source.start(expect=(100,))
        assert source.answer.startswith(b"HTTP/1.1 100")


def test_chunks_are_taken_only_if_they_come(mast):
    # Some announce chunks and then send plain sound, some do what they say.
    for chunked in (True, False):
        with tone_source(mast.port, chunked=True, hz=440) as source:
            source.chunked = chunked
            source.start(expect=(200,))
            assert source.answer.startswith(b"HTTP/1.1 200")
            mast.wait_on_air()
            assert_tone(hear(mast), 440)
        wait_for(lambda: not mast.is_on_air(), 15)


def test_inline_metadata_of_a_source_is_taken_out_and_shown(mast):
    clip, metaint = sound.clip("mp3", 30, 440), 4096
    block = "StreamTitle='Inline ü';".encode()
    block = bytes([(len(block) + 15) // 16]) + block.ljust((len(block) + 15) // 16 * 16, b"\0")
    mixed = b"".join(clip[at:at + metaint] + block for at in range(0, len(clip) - metaint, metaint))
    with RawSource(mast.port, headers={"icy-metaint": str(metaint)}) as source:
        source.parts = [(0.25, mixed[at:at + 4000]) for at in range(0, len(mixed), 4000)]
        source.start()
        mast.wait_on_air()
        assert_tone(hear(mast), 440)
        wait_for(lambda: mast.title() == "Inline ü", 5, why=f"title is {mast.title()!r}")


def test_a_poke_of_libshout_is_refused_at_once(mast):
    answer = web.request(mast.port, "OPTIONS", "*", {"Connection": "Keep-Alive"})
    assert answer.status in (200, 204)
    assert {"GET", "HEAD", "POST", "PUT", "SOURCE", "OPTIONS"} <= set(
        answer.headers["allow"].replace(" ", "").split(","))
    began = time.monotonic()
    answer = web.request(mast.port, "SOURCE", "/wxyz", {"Content-Length": "0"}, version="1.0")
    assert answer.status == 401 and time.monotonic() - began < 1.0


@pytest.mark.quick
def test_a_content_type_forges_no_field_of_the_log(mast):
    forged = "audio/mpeg; x=1 user=admin station=\"other\""
    with RawSource(mast.port, content_type=forged) as source:
        assert source.login() == 100
        wait_for(lambda: mast.log_lines("source_up"))
    line = mast.log_lines("source_up")[-1]
    assert r'type="audio/mpeg; x=1 user=admin station=\"other\""' in line


def test_a_wrong_key_is_401(mast):
    for user, key in (("source", "wrong-key-wrong"), ("nobody", KEY), ("source", "")):
        source = RawSource(mast.port, user=user, key=key)
        assert source.login() == 401, source.answer
        source.stop()
    assert "www-authenticate: basic" in source.answer.decode().lower()
    assert mast.log_lines("login")


def test_ten_wrong_keys_make_the_answer_late(mast):
    times = []
    for _ in range(12):
        source = RawSource(mast.port, key="wrong-key-wrong")
        began = time.monotonic()
        assert source.login() == 401
        times.append(time.monotonic() - began)
        source.stop()
    assert max(times[:9]) < 0.9 and min(times[11:]) > 0.9, times


def test_an_unknown_mount_and_a_type_that_is_no_sound_are_refused(mast):
    cases = [({"mount": "/nowhere"}, (401, 404)), ({"headers": {"Content-Type": None}}, (400, 403)),
             ({"content_type": "video/mp4"}, (403, 415))]
    for options, statuses in cases:
        source = RawSource(mast.port, **options)
        assert source.login() in statuses, (options, source.answer)
        source.stop()


@pytest.mark.quick
def test_a_mount_in_use_is_403_and_the_source_on_it_plays_on(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port) as ear:
            ear.start()
            for user, key in (("source", KEY), ("anna", OTHER_KEY)):
                second = RawSource(mast.port, user=user, key=key)
                assert second.login() == 403, second.answer
                second.stop()
            ear.wait_seconds(6)
        assert not source.is_cut_off()
    assert_tone(sound.decode(bytes(ear.sound)), 440)


def test_a_silent_source_is_taken_over_by_the_same_user_alone(mast):
    with tone_source(mast.port, hz=440) as first:
        first.start()
        mast.wait_on_air()
        first.stall()
        time.sleep(1.3)
        other = RawSource(mast.port, user="anna", key=OTHER_KEY)
        assert other.login() == 403, other.answer
        other.stop()
        with tone_source(mast.port, hz=880) as second:
            second.start()
            mast.wait_on_air()
            heard = hear(mast, seconds=8)
            wait_for(first.is_cut_off, 5, why="the old connection was left open")
    assert sound.pitch_hz(heard[-2 * sound.RATE:]) == pytest.approx(880, abs=6)


def test_a_source_that_left_may_come_back_at_once(mast):
    for hz in (440, 660):
        with tone_source(mast.port, hz=hz) as source:
            source.start()
            mast.wait_on_air()


# ---- SHOUTcast


def shoutcast(port, password, headers="icy-name:Old\r\nicy-br:128\r\ncontent-type:audio/mpeg\r\n",
              at_once=False):
    """Logs in the old way and returns (socket, answer)."""
    sock = web.connect(port)
    rest = (headers + "\r\n").encode()
    sock.sendall(password.encode() + b"\r\n" + (rest if at_once else b""))
    answer = b""
    sock.settimeout(5)
    try:
        while b"\r\n\r\n" not in answer:
            got = sock.recv(100)
            if not got:
                break
            answer += got
    except OSError:
        pass
    if answer.startswith(b"OK2") and not at_once:
        sock.sendall(rest)
    return sock, answer


@pytest.mark.parametrize("beside", [0, 1], ids=["port", "port_plus_1"])
@pytest.mark.parametrize("password", [SHOUTCAST_KEY, f"anna:{OTHER_KEY}"], ids=["key", "user_key"])
def test_a_shoutcast_source_goes_on_the_air(mast, beside, password):
    source = RawSource(mast.port, data=sound.clip("mp3", 30, 740), ahead_s=2.0)
    source.sock, answer = shoutcast(mast.port + beside, password)
    assert answer.startswith(b"OK2\r\nicy-caps:11\r\n\r\n"), answer
    source.began = time.monotonic()
    source.thread = threading.Thread(target=source._feed, daemon=True)
    source.thread.start()
    mast.wait_on_air()
    assert_tone(hear(mast), 740)
    agent = {"User-Agent": "Mozilla/4.0"}
    done = mast.get(f"/admin.cgi?mode=updinfo&pass={password}&song=Old%20Song", agent,
                    version="1.0")
    assert done.status == 200
    wait_for(lambda: mast.title() == "Old Song", 8, why=f"title is {mast.title()!r}")
    source.stop()


def test_a_wrong_shoutcast_password_gets_no_ok2(mast):
    sock, answer = shoutcast(mast.port + 1, "wrong-wrong-wrong")
    sock.close()
    assert not answer.startswith(b"OK")


def test_a_shoutcast_head_in_one_piece_with_bare_lf_is_taken(mast):
    with web.connect(mast.port + 1) as sock:
        sock.sendall(SHOUTCAST_KEY.encode() + b"\nicy-name:libshout\nicy-br:128\n\n")
        sock.settimeout(5)
        assert sock.recv(100).startswith(b"OK2")


# ---- titles


@pytest.mark.quick
def test_a_title_reaches_listeners_and_the_status_as_it_was_meant(mast):
    titles = [
        ("Zoë – 東京", "Zoë – 東京", None),
        ("Zoë".encode("latin-1"), "Zoë", None),
        ("Zoë".encode("latin-1"), "Zoë", "ISO-8859-1"),
        ("Rock 'n' Roll", "Rock ’n’ Roll", None),
        ('Say "hi" \\ <b>&amp;</b>', 'Say "hi" \\ <b>&amp;</b>', None),
        ("A\r\nB\tC\x00\x1b[2J D", None, None),
        ("x';StreamUrl='javascript:alert(1)';", "x’;StreamUrl=’javascript:alert(1)’;", None),
        ("\u202egnisrever\u2066", "gnisrever", None),
    ]
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        with ears.Ear(mast.port) as ear:
            ear.start()
            for raw, shown, charset in titles:
                assert set_title(mast.port, raw, charset=charset).status == 200
                if shown is None:
                    continue
                ear.wait_title(shown)
                wait_for(lambda: (mast.title() or "").replace("'", "’") == shown, 5,
                         why=f"status says {mast.title()!r} for {shown!r}")
            for block in ear.blocks:
                assert block.count(b"StreamTitle=") == 1 and b"\r" not in block
                assert b"\n" not in block and b"StreamUrl='javascript" not in block
            assert_tone(sound.decode(bytes(ear.sound)), 440)


def test_a_title_may_come_as_artist_and_title_or_as_a_form(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        auth = {"Authorization": web.basic("source", KEY)}
        mast.get("/admin/metadata?mode=updinfo&mount=/wxyz&artist=A+B&title=C", auth)
        wait_for(lambda: mast.title() == "A B - C", 5, why=f"title is {mast.title()!r}")
        done = web.request(mast.port, "POST", "/admin/metadata", {
            **auth, "Content-Type": "application/x-www-form-urlencoded"},
            b"mode=updinfo&mount=%2Fwxyz&song=By+form")
        assert done.status == 200 and "Metadata update successful" in done.text
        wait_for(lambda: mast.title() == "By form", 5, why=f"title is {mast.title()!r}")


def test_a_title_update_answers_as_icecast_does(mast):
    assert set_title(mast.port, "x", user="source", key="wrong-wrong-wrong").status == 401
    assert set_title(mast.port, "x").status == 400  # no source on the mount
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        done = set_title(mast.port, "x")
        assert done.status == 200 and "<return>1</return>" in done.text
        assert "<message>Metadata update successful</message>" in done.text
        assert set_title(mast.port, "by admin", user="admin", key=mast.admin_key()).status == 200
        assert set_title(mast.port, "y", mount="/wxyz/mp3-128.mp3").status == 200
        auth = {"Authorization": web.basic("source", KEY)}
        assert mast.get("/admin/metadata?mount=/wxyz&song=x", auth).status == 400
        assert mast.get("/admin/metadata?mode=updinfo&mount=/wxyz&song=x").status == 401


def test_killsource_ends_a_source(mast):
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        assert mast.get("/admin/killsource?mount=/wxyz").status == 401
        assert mast.admin("/admin/killsource?mount=/wxyz").status == 200
        wait_for(source.is_cut_off, 5, why="the source was not cut off")


def test_another_source_fills_in_when_the_first_stalls(mast):
    """Two inputs of one station: the next one takes over when the first gives no sound."""
    with tone_source(mast.port, hz=440) as first, \
            tone_source(mast.port, hz=880, mount="/studio-b", key=SHOUTCAST_KEY) as second:
        first.start()
        mast.wait_on_air()
        second.start()
        with ears.Ear(mast.port) as ear:
            ear.start().wait_seconds(5)
            first.stall()
            ear.wait_seconds(12, seconds=25)
    heard = sound.decode(bytes(ear.sound))
    assert sound.pitch_hz(heard[:2 * sound.RATE]) == pytest.approx(440, abs=6)
    assert sound.pitch_hz(heard[-sound.RATE:]) == pytest.approx(880, abs=6)


def test_a_time_code_source_is_heard_without_a_hole(mast):
    with code_source(mast.port, ahead_s=2.0) as source:
        source.start()
        mast.wait_on_air()
        time.sleep(3.5)  # a whole burst lies ready
        with ears.Ear(mast.port) as ear:
            ear.start().wait_seconds(12)
    heard = sound.decode(bytes(ear.sound))
    offsets = [code - at for at, code in sound.read_code(heard)]
    assert offsets and max(offsets) - min(offsets) < 0.03
    assert ears.underruns(ear.arrived_s()) == 0


def test_a_cut_cable_frees_the_mount(mast):
    """A source that neither sends nor closes is cut off after the source time-out."""
    with tone_source(mast.port) as source:
        source.start()
        mast.wait_on_air()
        source.stall()
        wait_for(source.is_cut_off, 20, why="a dead source kept its mount")
