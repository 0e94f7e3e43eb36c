"""The manifests, against the API's own schemas and against each other; there is no cluster."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from nginx_server import DEPLOY

FOLDER = DEPLOY / "kubernetes"
MANIFESTS = sorted(FOLDER.glob("*.yaml"))
VERSIONS = ("1.34", "1.37")
"""The oldest in which a preStop hook may sleep by itself for sure, and the newest one known."""


def read(name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return manifest


@pytest.fixture
def pod() -> dict[str, Any]:
    spec: dict[str, Any] = read("deployment")["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    return only


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_schema_finds_no_fault(path: Path, version: str) -> None:
    for manifest in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_all_kinds_are_there() -> None:
    kinds = {yaml.safe_load(path.read_text())["kind"] for path in MANIFESTS}
    assert kinds == {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Secret",
        "Service",
    }


def test_they_mean_the_same_pods() -> None:
    labels = read("deployment")["spec"]["template"]["metadata"]["labels"]
    assert read("deployment")["spec"]["selector"]["matchLabels"] == labels
    assert read("service")["spec"]["selector"] == labels
    assert read("disruptionbudget")["spec"]["selector"]["matchLabels"] == labels
    target = read("autoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "wsgikit")
    assert "replicas" not in read("deployment")["spec"]


def test_probes_ask_what_is_answered_before_the_host_check(container: dict[str, Any]) -> None:
    paths = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness")}
    paths["readiness"] = container["readinessProbe"]["httpGet"]
    assert {name: get["path"] for name, get in paths.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    assert all("httpHeaders" not in get and get["port"] == "http" for get in paths.values())


def test_kubernetes_waits_for_a_stop_without_loss(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    settings = read("configmap")["data"]
    needed = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed += float(settings["DRAIN_SECONDS"]) + float(settings["GRACEFUL_TIMEOUT"])
    assert pod["terminationGracePeriodSeconds"] >= needed + 5


def test_a_draining_pod_is_seen_to_be_so_before_it_closes(container: dict[str, Any]) -> None:
    probe = container["readinessProbe"]
    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = float(read("configmap")["data"]["DRAIN_SECONDS"])
    assert sleep + drain >= probe["periodSeconds"] * probe["failureThreshold"]


def test_pods_run_as_nobody_special_and_write_only_to_volumes(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert "USER 10001:10001" in (DEPLOY / "Dockerfile").read_text()
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert not pod["automountServiceAccountToken"]


def test_secret_has_names_and_no_values() -> None:
    names = read("secret")["stringData"]
    assert names == dict.fromkeys(["SECRET_KEY", "SESSION_STORE", "DATABASE"], "")


def test_applying_the_folder_leaves_the_real_secret_alone(pod: dict[str, Any]) -> None:
    mounted = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    assert mounted == ["wsgikit"]
    assert read("secret")["metadata"]["name"] not in mounted
    made = re.search(r"create secret generic (\S+)", (FOLDER / "secret.yaml").read_text())
    assert made is not None
    assert [made[1]] == mounted


def test_secrets_are_where_the_app_looks_for_them(container: dict[str, Any]) -> None:
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts["secrets"] == read("configmap")["data"]["CREDENTIALS_DIRECTORY"]
