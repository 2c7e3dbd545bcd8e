"""Settings from flags, the environment and a file, and what is said when they are wrong."""

import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tubewarren.settings import Settings, SettingsError, read_settings, shown

SECRET = "geheim"
URL = f"amqp://user:{SECRET}@host:5672/vhost"


def written(text: str) -> Path:
    path = Path("settings.toml")
    path.write_text(text)
    return path


def complaint(flags: dict[str, Any] | None = None, file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(flags or {}, file)
    return str(caught.value)


def test_without_anything_there_are_defaults() -> None:
    settings = read_settings({})

    assert settings.broker_url is None
    assert settings.downloader.concurrency == 2
    assert settings.ledger_url == f"sqlite:///{Path.cwd()}/.tubewarren/ledger-main.sqlite"


def test_a_flag_wins_over_the_environment_and_the_environment_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file = written('[downloader]\nconcurrency = 3\njobs_per_process = 3\ndeadline = "3h"\n')
    monkeypatch.setenv("TUBEWARREN_DOWNLOADER__CONCURRENCY", "4")
    monkeypatch.setenv("TUBEWARREN_DOWNLOADER__JOBS_PER_PROCESS", "4")

    downloader = read_settings({"downloader": {"concurrency": 5}}, file).downloader

    assert (downloader.concurrency, downloader.jobs_per_process, downloader.deadline) == (5, 4, timedelta(hours=3))


def test_the_file_of_this_folder_is_read_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tubewarren.toml").write_text('grace = "1s"')
    Path("other.toml").write_text('grace = "2s"')

    here = read_settings({}).grace
    monkeypatch.setenv("TUBEWARREN_CONFIG", "other.toml")
    named = read_settings({}).grace

    assert (here, named) == (timedelta(seconds=1), timedelta(seconds=2))


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("TUBEWARREN_BROKER_URI", "Did you mean TUBEWARREN_BROKER_URL?"),
        ("TUBEWARREN_DOWNLOADER__CONCURENCY", "Did you mean TUBEWARREN_DOWNLOADER__CONCURRENCY?"),
        ("tubewarren_broker_uri", "Did you mean TUBEWARREN_BROKER_URL?"),
        ("TUBEWARREN_QQQ", "`svc config show` lists what there is."),
    ],
)
def test_an_unknown_variable_is_an_error_that_names_the_near_one(
    name: str, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, SECRET)

    text = complaint()

    assert text == f"{name}: there is no such setting. {near}"


def test_variables_of_the_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUBEWARREN_TEST_BROKER_URL", "amqp://x")

    assert read_settings({}) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('brokr_url = "x"', "brokr_url: there is no such setting. Did you mean broker_url?"),
        ("[downloader]\nconcurency = 2", "downloader.concurency: there is no such setting. Did you mean concurrency?"),
        ("[upload]\nx = 2", "upload: there is no such setting."),
        ('[log]\nlevel = "loud"', "log.level: Input should be 'debug', 'info', 'warning' or 'error' (got 'loud')"),
        ("[downloader]\nconcurrency = 65", "downloader.concurrency: Input should be less than or equal to 64 (got 65)"),
        ('grace = "5 fortnights"', "such as 30s or 5m (got '5 fortnights')"),
        ("grace = inf", "such as 30s or 5m (got inf)"),
        ('grace = "99999999999999d"', "such as 30s or 5m (got '99999999999999d')"),
        ('retry.ladder = ["5m", "30s"]', "each delay must be longer than the one before, such as 30s,5m,30m"),
        ('retry.ladder = ["60d"]', "a delay is at most 49d"),
        ("retry.ladder = []", "retry.ladder: "),
        ('heartbeat.every = "40s"', "each be longer than the one before"),
        ('[store]\nname = "Main Store"', "store.name: String should match pattern"),
        ("youtube.options.since = 2026-01-01", "youtube.options"),
    ],
)
def test_a_wrong_setting_in_the_file_is_named_with_what_it_may_be(text: str, words: str) -> None:
    assert words in complaint(file=written(text))


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = complaint({"log": {"level": "loud", "format": "rosy"}})

    assert [line.partition(":")[0] for line in text.splitlines()] == ["log.level", "log.format"]


def test_a_wrong_variable_is_told_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUBEWARREN_HEARTBEAT__EVERY", "often")

    assert complaint().startswith("heartbeat.every: 'often' is not a duration;")


@pytest.mark.parametrize(
    "name", ["TUBEWARREN_YOUTUBE__PRESETS", "TUBEWARREN_SHEET__WORDS", "TUBEWARREN_STORE", "tubewarren_store"]
)
def test_a_variable_that_must_be_json_is_named_when_it_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)

    assert complaint() == f'{name}: write a JSON object, such as {{"name": "value"}}'


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.absolute, "No such file"),
        (Path.mkdir, "Is a directory"),
        (lambda path: path.write_text("x = = 3"), "not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(make: Any, words: str) -> None:
    path = Path("mine.toml")
    make(path)

    text = complaint(file=path)

    assert text.startswith("mine.toml: ")
    assert words in text


@pytest.mark.parametrize("name", ["BROKER_URL", "SOURCES_FILE", "WORKER_NAME", "STORE__LEDGER"])
def test_an_empty_variable_means_not_set_even_when_the_file_sets_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written('broker_url = "amqp://x"\nsources_file = "s.txt"\nworker_name = "w"\nstore.ledger = "sqlite://"\n')
    monkeypatch.setenv(f"TUBEWARREN_{name}", "")

    settings = read_settings({}, file)

    values = (settings.broker_url, settings.sources_file, settings.worker_name, settings.store.ledger)
    assert [value is None for value in values].count(True) == 1


def test_secrets_are_masked_where_settings_are_shown() -> None:
    settings = read_settings(
        {
            "broker_url": URL,
            "store": {"ledger": f"postgresql://me:{SECRET}@db/ledger"},
            "youtube": {
                "options": {
                    "proxy": f"http://me:{SECRET}@proxy:3128",
                    "videopassword": SECRET,
                    "http_headers": {"Authorization": SECRET, "Cookie": SECRET, "Accept": "*/*"},
                    "nested": [{"api_token": SECRET}],
                    "retries": 3,
                    "format": "best",
                },
                "presets": {"hd": {"proxy": f"http://me:{SECRET}@proxy:3128", "password": SECRET}},
            },
        }
    )

    values = shown(settings)

    assert values["broker_url"] == "amqp://user:***@host:5672/vhost"
    assert values["store"]["ledger"] == "postgresql://me:***@db/ledger"
    assert values["youtube"]["options"] == {
        "proxy": "http://me:***@proxy:3128",
        "videopassword": "***",
        "http_headers": {"Authorization": "***", "Cookie": "***", "Accept": "*/*"},
        "nested": [{"api_token": "***"}],
        "retries": 3,
        "format": "best",
    }
    assert SECRET not in repr(settings) + str(settings)


def test_the_proxy_of_a_worker_is_masked_where_settings_are_shown() -> None:
    settings = read_settings({"identity": {"proxy": f"socks5://me:{SECRET}@proxy:1080"}})

    assert settings.identity.proxy == SecretStr(f"socks5://me:{SECRET}@proxy:1080")
    assert SECRET not in str(shown(settings)) + repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ({"proxy": "proxy.invalid:3128"}, "identity.proxy: not the address of a proxy; write it like http://"),
        ({"source_address": "eth0"}, "identity.source_address: write an address of this machine"),
        ({"po_token_provider": "127.0.0.1:4416"}, "identity.po_token_provider: "),
        ({"impersonate": "a browser"}, "identity.impersonate: "),
        ({"videos_per_day_and_jar": "0"}, "identity.videos_per_day_and_jar: "),
    ],
)
def test_an_identity_that_cannot_be_is_refused(identity: dict[str, str], words: str) -> None:
    assert words in complaint({"identity": identity})


@pytest.mark.parametrize(
    ("options", "identity", "place"),
    [
        ({"options": {"proxy": "http://a"}}, {"proxy": "http://b"}, "youtube.options.proxy"),
        ({"options": {"cookiefile": "a"}}, {"cookies": "b"}, "youtube.options.cookiefile"),
        (
            {"presets": {"hd": {"source_address": "::1"}}},
            {"source_address": "::1"},
            "youtube.presets.hd.source_address",
        ),
    ],
)
def test_who_a_worker_is_may_be_said_in_one_place_only(
    options: dict[str, Any], identity: dict[str, str], place: str
) -> None:
    assert f"{place}: [identity] says this for the worker" in complaint({"youtube": options, "identity": identity})
    read_settings({"youtube": options})
    read_settings({"identity": identity})


def test_trust_in_a_broker_is_refused_where_nothing_is_encrypted() -> None:
    trust = {"ca_file": "ca.pem"}

    assert "let broker_url begin with amqps://" in complaint({"broker_url": URL, "broker": trust})
    assert SECRET not in complaint({"broker_url": URL, "broker": trust})
    assert "certificate_file" in complaint({"broker": {"key_file": "key.pem"}})
    assert read_settings({"broker_url": f"{URL.replace('amqp', 'amqps')}", "broker": trust}).broker.is_set
    assert not read_settings({"broker_url": URL}).broker.is_set


def test_where_health_is_told_must_be_an_address() -> None:
    assert "health.listen: write host and port" in complaint({"health": {"listen": "8080"}})
    assert read_settings({}).health.address is None


def test_of_where_alarms_go_only_the_kind_is_shown() -> None:
    settings = read_settings({"alarms": {"urls": f"discord://hook/{SECRET}, mailto://me:{SECRET}@x.example?to=a,b"}})

    assert [url.get_secret_value() for url in settings.alarms.urls] == [
        f"discord://hook/{SECRET}",
        f"mailto://me:{SECRET}@x.example?to=a,b",
    ]
    assert shown(settings)["alarms"]["urls"] == ["discord://***", "mailto://***"]
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('alarms.urls = ["json://x", "x"]', "alarms.urls: number 2 is no address of Apprise's"),
        ('alarms.urls = ["json://x/,json://y"]', "alarms.urls: number 1 has another address behind a comma"),
        ('alarms.pause = "never"', "alarms.pause: 'never' is not a duration"),
    ],
)
def test_a_wrong_setting_of_the_alarms_is_named(text: str, words: str) -> None:
    assert words in complaint(file=written(text))


def test_an_address_of_several_nodes_is_masked_for_each() -> None:
    settings = read_settings({"broker_url": f"amqp://user:{SECRET}@one:5672,two/vhost"})

    assert shown(settings)["broker_url"] == "amqp://user:***@one:5672/vhost, amqp://user:***@two/vhost"
    assert "not the address of a broker" in complaint({"broker_url": f"amqp://user:{SECRET}@one,/"})


def test_an_address_that_cannot_be_read_is_masked_whole() -> None:
    settings = Settings(broker_url=SecretStr(f"amqp://user:{SECRET}@host:port:5/"))

    assert shown(settings)["broker_url"] == "***"


@pytest.mark.parametrize(
    "text",
    [
        f'broker_url = ["{URL}"]',
        f'brokr_url = "{URL}"',
        f'[store]\nledgr = "{URL}"',
        f'[store]\nledger = ["{URL}"]',
        f'store = "{URL}"',
        f'[[store]]\nledger = "{URL}"',
        f'youtube.options = "{SECRET}"',
        f'identity.proxy = "{SECRET}"',
        f'identity.proxy = ["http://me:{SECRET}@proxy"]',
        f'identity = "http://me:{SECRET}@proxy"',
        f'[[identity]]\nproxy = "http://me:{SECRET}@proxy"',
        f'identity.proxi = "http://me:{SECRET}@proxy"',
        f'alarms = "json://{SECRET}"',
        f'[[alarms]]\nurls = "json://{SECRET}"',
        f'alarms.url = "json://{SECRET}"',
        f'alarms.urls = "{SECRET}"',
        f'alarms.urls = ["json://x", 7, "{SECRET}"]',
        f'alarms.urls.one = "json://{SECRET}"',
        f'alarms.urls = ["json://{SECRET},json://other"]',
        f'identity.proxy = "http://me:{SECRET}@proxy"\nyoutube.options.proxy = "http://me:{SECRET}@proxy"',
    ],
)
def test_a_secret_is_not_in_the_error_nor_in_what_caused_it(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({}, written(text))

    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_what_a_wrong_section_of_the_environment_holds_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUBEWARREN_STORE", URL)

    with pytest.raises(SettingsError) as caught:
        read_settings({})

    assert SECRET not in str(caught.value)


def test_a_secret_is_read_from_its_file_after_the_environment_and_before_the_settings_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = written('broker_url = "amqp://of.the.file/"\n[store]\nledger = "sqlite:///file"\nname = "file"\n')
    secrets = Path("secrets")
    secrets.mkdir()
    (secrets / "tubewarren_broker_url").write_text(f"{URL}\n")
    (secrets / "TUBEWARREN_STORE__LEDGER").write_text("sqlite:///secret")
    (secrets / "TUBEWARREN_STORE__NAME").write_text("secret")
    monkeypatch.setenv("TUBEWARREN_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("TUBEWARREN_STORE__NAME", "environment")

    settings = read_settings({}, file)

    assert settings.broker_url == SecretStr(URL)
    assert settings.ledger_url == "sqlite:///secret"
    assert settings.store.name == "environment"


def test_a_secret_of_a_setting_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("secrets").mkdir()
    Path("secrets/tubewarren_broker_ulr").write_text(URL)
    monkeypatch.setenv("TUBEWARREN_SECRETS_DIR", "secrets")

    told = complaint()

    assert "tubewarren_broker_ulr: there is no such setting. Did you mean TUBEWARREN_BROKER_URL?" in told
    assert SECRET not in told


def test_a_folder_of_secrets_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUBEWARREN_SECRETS_DIR", "nowhere")

    assert "TUBEWARREN_SECRETS_DIR: nowhere cannot be read" in complaint()


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("secrets").mkdir()
    Path("secrets/tubewarren_broker_url").write_text(f"http://user:{SECRET}@host/")
    monkeypatch.setenv("TUBEWARREN_SECRETS_DIR", "secrets")

    told = complaint()

    assert "broker_url: not the address of a broker" in told
    assert SECRET not in told
