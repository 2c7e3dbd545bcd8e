"""The manifests: valid for Kubernetes, of one mind with the code, and as closed as they say they are."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from tubewarren.broker.handing_out import ADDRESS_FILE, Owner, hand_out
from tubewarren.broker.users import OPERATOR
from tubewarren.settings import read_settings
from tubewarren.topology import (
    DOWNLOADER,
    HEARTBEAT_MONITOR,
    RESULTS_MANAGER,
    SERVICES,
    SHEET_INGESTOR,
    SOURCE_EXPANDER,
    STATUS_WRITER,
    topology,
)

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
TOPOLOGY = "topology"
SINGLE = (HEARTBEAT_MONITOR, RESULTS_MANAGER, STATUS_WRITER, SHEET_INGESTOR)
OF_SHEET = (STATUS_WRITER, SHEET_INGESTOR)

Manifest = Mapping[str, Any]

_TEXT, _NUMBER, _ANYTHING = {"type": "string"}, {"type": "integer"}, {"type": "object"}


def _closed(required: tuple[str, ...], **properties: object) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


# What we use of those kinds, as their documentation describes it; the operators' whole schemas come with them.
CUSTOM = {
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"): _closed(
        ("replicas",),
        replicas=_NUMBER,
        persistence=_closed((), storageClassName=_TEXT, storage=_TEXT),
        resources=_ANYTHING,
        affinity=_ANYTHING,
        rabbitmq=_closed((), additionalPlugins={"type": "array", "items": _TEXT}, additionalConfig=_TEXT),
        override=_closed((), statefulSet=_closed(("spec",), spec=_ANYTHING)),
    ),
    ("keda.sh/v1alpha1", "ScaledObject"): _closed(
        ("scaleTargetRef", "triggers"),
        scaleTargetRef=_closed(("name",), name=_TEXT),
        minReplicaCount=_NUMBER,
        maxReplicaCount=_NUMBER,
        pollingInterval=_NUMBER,
        advanced=_closed(
            (),
            horizontalPodAutoscalerConfig=_closed((), behavior=_ANYTHING),
            scalingModifiers=_closed(("formula", "target"), formula=_TEXT, target=_TEXT),
        ),
        triggers={
            "type": "array",
            "items": _closed(
                ("type", "metadata"),
                type={"const": "rabbitmq"},
                name=_TEXT,
                authenticationRef=_closed(("name",), name=_TEXT),
                # Numbers are texts here.
                metadata=_closed(
                    ("queueName", "mode", "value"),
                    protocol={"enum": ["amqp", "http", "auto"]},
                    queueName=_TEXT,
                    mode={"enum": ["QueueLength", "MessageRate"]},
                    value=_TEXT,
                ),
            ),
        },
    ),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): _closed(
        (),
        secretTargetRef={
            "type": "array",
            "items": _closed(("parameter", "name", "key"), parameter=_TEXT, name=_TEXT, key=_TEXT),
        },
    ),
}


def rendered(folder: Path) -> list[Manifest]:
    command = next(
        (words for words in (["kustomize", "build"], ["kubectl", "kustomize"]) if shutil.which(words[0])), None
    )
    if command is None:
        pytest.skip("neither kustomize nor kubectl is here")
    done = subprocess.run([*command, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return rendered(KUBERNETES / "base")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """The overlay, as a user renders it: with the secrets that our own command makes."""
    copied = tmp_path_factory.mktemp("kubernetes") / "kubernetes"
    shutil.copytree(KUBERNETES, copied)
    overlay = copied / "overlays" / "example"
    me = Owner(os.geteuid(), os.getegid())
    hand_out(overlay / "secrets", DEPLOY / "rabbitmq" / "definitions.json", "rabbitmq.tubewarren.svc", {}, me)
    return rendered(overlay)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Our own pods, by who they are."""
    ours = {**of_kind(manifests, "Deployment"), **of_kind(manifests, "Job")}
    return {name: each["spec"]["template"] for name, each in ours.items()}


def container(pod: Manifest) -> Manifest:
    (only,) = pod["spec"]["containers"]
    return only  # type: ignore[no-any-return] - it comes from a file


def settings_of(manifests: list[Manifest], pod: Manifest, folder: Path, patch: pytest.MonkeyPatch) -> Any:
    """What a pod's service reads, with its file and its variables."""
    (settings,) = of_kind(manifests, "ConfigMap").values()
    file = folder / "tubewarren.toml"
    file.write_text(settings["data"]["tubewarren.toml"])
    for variable in container(pod)["env"]:
        patch.setenv(variable["name"], variable["value"])
    patch.setenv("TUBEWARREN_SECRETS_DIR", str(folder))
    return read_settings({}, file)


def mounts(pod: Manifest) -> dict[str, Manifest]:
    """By path, where its files come from."""
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    return {mount["mountPath"]: volumes[mount["name"]] for mount in container(pod)["volumeMounts"]}


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_kubernetes_takes_every_manifest(example: list[Manifest], version: str) -> None:
    for manifest in example:
        if (manifest["apiVersion"], manifest["kind"]) not in CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_operators_take_what_is_theirs(example: list[Manifest]) -> None:
    theirs = [each for each in example if (each["apiVersion"], each["kind"]) in CUSTOM]

    for manifest in theirs:
        Draft202012Validator(CUSTOM[manifest["apiVersion"], manifest["kind"]]).validate(manifest["spec"])
    assert {each["kind"] for each in theirs} == {kind for _, kind in CUSTOM}


def test_what_rabbitmq_is_patched_with_is_kubernetes_own(example: list[Manifest]) -> None:
    (cluster,) = (each["spec"] for each in of_kind(example, "RabbitmqCluster").values())
    patch = cluster["override"]["statefulSet"]["spec"]
    pod = patch["template"]["spec"] | {"affinity": cluster["affinity"]}
    pod["containers"] = [each | {"resources": cluster["resources"]} for each in pod["containers"]]
    whole = patch | {"selector": {}, "serviceName": "rabbitmq", "template": {"spec": pod}}

    kubernetes_validate.validate(
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "rabbitmq"}, "spec": whole},
        kubernetes_validate.latest_version(),
        strict=True,
    )


def test_each_service_is_run_by_its_name_and_the_single_ones_once(base: list[Manifest]) -> None:
    deployments = of_kind(base, "Deployment")

    assert set(deployments) == set(SERVICES)
    for name, deployment in deployments.items():
        assert container(deployment["spec"]["template"])["args"] == ["run", name]
    single = {name for name, each in deployments.items() if each["spec"].get("strategy") == {"type": "Recreate"}}
    assert single == set(SINGLE)
    assert {deployments[name]["spec"]["replicas"] for name in SINGLE} == {1}
    # KEDA says how many.
    assert "replicas" not in deployments[DOWNLOADER]["spec"]


@pytest.mark.parametrize("name", ["base", "example"])
def test_the_settings_are_settings_and_lie_where_something_is_mounted(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests: list[Manifest] = request.getfixturevalue(name)

    for service, pod in pods(manifests).items():
        settings = settings_of(manifests, pod, tmp_path, monkeypatch)
        mounted = mounts(pod)

        assert str(settings.data_dir) in mounted
        if service in (DOWNLOADER, RESULTS_MANAGER):
            assert (
                {str(settings.store.results.parent), str(settings.store.selected.parent)} == {"/store"} <= set(mounted)
            )
        if service in OF_SHEET:
            assert {str(settings.sheet.workbook), str(settings.sheet.credentials_file.parent)} <= set(mounted)
        patience = timedelta(seconds=pod["spec"]["terminationGracePeriodSeconds"])
        assert patience >= settings.grace + timedelta(seconds=15)


def test_the_probes_ask_where_a_service_answers(
    base: list[Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pod in (pods(base)[service] for service in SERVICES):
        asked, listens = container(pod), settings_of(base, pod, tmp_path, monkeypatch).health.address

        assert asked["ports"] == [{"name": "health", "containerPort": listens.port}]
        assert listens.host == "0.0.0.0"
        paths = {kind: asked[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert paths == {
            "startup": {"path": "/live", "port": "health"},
            "liveness": {"path": "/live", "port": "health"},
            "readiness": {"path": "/ready", "port": "health"},
        }


def test_no_pod_may_do_more_than_it_must(base: list[Manifest]) -> None:
    for pod in pods(base).values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["spec"]["automountServiceAccountToken"]
        # The variables of a Service called tubewarren-... would be taken for settings that do not exist.
        assert not pod["spec"]["enableServiceLinks"]
        assert container(pod)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_each_pod_has_its_own_secret_and_only_the_sheets_services_have_googles(base: list[Manifest]) -> None:
    for name, pod in pods(base).items():
        held = {each["secret"]["secretName"] for each in pod["spec"]["volumes"] if "secret" in each}

        own = OPERATOR if name == TOPOLOGY else name
        assert held == {own} | ({"google"} if name in OF_SHEET else set())


def test_no_secret_has_a_value_in_the_base(base: list[Manifest]) -> None:
    assert not of_kind(base, "Secret")


def test_every_name_that_is_used_exists(example: list[Manifest]) -> None:
    secrets, settings = of_kind(example, "Secret"), of_kind(example, "ConfigMap")
    claims = of_kind(example, "PersistentVolumeClaim")

    for pod in (*pods(example).values(), _broker_pod(example)):
        for volume in pod["spec"]["volumes"]:
            match volume:
                case {"secret": {"secretName": name, **more}}:
                    assert name in secrets or more.get("optional")
                case {"configMap": {"name": name}}:
                    assert name in settings
                case {"persistentVolumeClaim": {"claimName": name}}:
                    assert name in claims
    (scaled,) = of_kind(example, "ScaledObject").values()
    triggers = {trigger["name"]: trigger for trigger in scaled["spec"]["triggers"]}
    (login,) = {trigger["authenticationRef"]["name"] for trigger in triggers.values()}
    (key,) = of_kind(example, "TriggerAuthentication")[login]["spec"]["secretTargetRef"]
    assert scaled["spec"]["scaleTargetRef"]["name"] in of_kind(example, "Deployment")
    assert key["key"] in secrets[key["name"]]["data"]
    work = topology().work_queue(DOWNLOADER)
    assert [trigger["metadata"]["queueName"] for trigger in triggers.values()] == [work.name, *work.lanes]
    assert scaled["spec"]["advanced"]["scalingModifiers"]["formula"] == " + ".join(triggers)


def _broker_pod(manifests: list[Manifest]) -> Manifest:
    (cluster,) = of_kind(manifests, "RabbitmqCluster").values()
    template: Manifest = cluster["spec"]["override"]["statefulSet"]["spec"]["template"]
    (broker,) = template["spec"]["containers"]
    (place,) = (mount["mountPath"] for mount in broker["volumeMounts"])
    assert f"load_definitions = {place}/definitions.json" in cluster["spec"]["rabbitmq"]["additionalConfig"]
    return template


def test_every_file_is_part_of_it() -> None:
    for kustomization in KUBERNETES.rglob("kustomization.yaml"):
        folder, text = kustomization.parent, kustomization.read_text()
        unused = [path.name for path in folder.iterdir() if path.is_file() and path.name not in text]

        assert set(unused) <= {"kustomization.yaml", ".gitignore"}, folder


@pytest.mark.parametrize("name", ["base", "example"])
def test_who_may_reach_what(name: str, request: pytest.FixtureRequest) -> None:
    manifests: list[Manifest] = request.getfixturevalue(name)

    reached = {who: set(_reached(manifests, pod["metadata"]["labels"])) for who, pod in pods(manifests).items()}

    everybody = {"broker", "names"}
    world = {SOURCE_EXPANDER, DOWNLOADER, *(OF_SHEET if name == "example" else ())}
    assert reached == {who: everybody | ({"internet"} if who in world else set()) for who in (*SERVICES, TOPOLOGY)}
    # All is forbidden that none of them allows.
    denied = of_kind(manifests, "NetworkPolicy")["nothing-else"]["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_broker_lets_in_those_who_need_it_and_nobody_else(base: list[Manifest]) -> None:
    doors = of_kind(base, "NetworkPolicy")["broker"]["spec"]["ingress"]
    in_front = [each["from"] for each in doors if {"protocol": "TCP", "port": 5672} in each["ports"]]

    ((ours, keda),) = in_front
    assert {who for who, pod in pods(base).items() if _selects(ours["podSelector"], pod["metadata"]["labels"])} == {
        *SERVICES,
        TOPOLOGY,
    }
    assert keda == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}


def _reached(manifests: list[Manifest], labels: Mapping[str, str]) -> Iterator[str]:
    for policy in (each["spec"] for each in of_kind(manifests, "NetworkPolicy").values()):
        if not _selects(policy["podSelector"], labels):
            continue
        for peer in (peer for rule in policy.get("egress", ()) for peer in rule["to"]):
            match peer:
                case {"ipBlock": {"cidr": "0.0.0.0/0" | "::/0", "except": near}}:
                    assert near
                    yield "internet"
                case {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}:
                    yield "names"
                case {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}}}:
                    yield "broker"
                case _:
                    raise AssertionError(peer)


def _selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    exact = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    return exact and all(
        each["operator"] == "In" and labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions", ())
    )


def test_a_secret_is_read_as_kubernetes_mounts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = tmp_path / "..2026_01_01"
    moment.mkdir()
    (moment / ADDRESS_FILE.name).write_text("amqp://downloader:word@rabbitmq.tubewarren.svc/")
    (tmp_path / "..data").symlink_to(moment.name)
    (tmp_path / ADDRESS_FILE.name).symlink_to(Path("..data", ADDRESS_FILE.name))
    monkeypatch.setenv("TUBEWARREN_SECRETS_DIR", str(tmp_path))

    settings = read_settings({})

    assert settings.broker_url
    assert "@rabbitmq.tubewarren.svc" in settings.broker_url.get_secret_value()
