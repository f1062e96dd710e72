"""Where secrets go: several sinks, parts of a secret, sinks that show nothing; and who is asked and told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from perimeter.engine.model import Options
from perimeter.sdk import ProviderError
from tests.rotation.conftest import RULE
from tests.rotation.test_killed import LOST, killed_at
from tests.tiny.tenant import Fault

KEY = "tiny_pass.key"


def due(tiny, sinks, **more):
    tiny.write(sinks=sinks, **more)
    tiny.applied()
    for sink in sinks:
        tiny.use(sink)
    tiny.later(days=91)


def test_a_member_alone_is_delivered_as_its_text(tiny):
    tiny.write(sinks=("vault", "box"))
    text = (tiny.directory / "main.hcl").read_text()
    tiny.work.write(
        text.replace(
            "[tiny_vault.vault, tiny_box.box]",
            '[tiny_vault.vault, { to = tiny_box.box.id, member = "password" }]',
        )
    )
    tiny.applied()
    box = next(iter(tiny.tenant.of("tiny_box")))
    assert tiny.tenant.payload(box) == tiny.secret("vault")["password"]


def test_a_member_that_there_is_not_fails_and_leaves_nothing(tiny):
    tiny.write(sinks=("box",))
    text = (tiny.directory / "main.hcl").read_text()
    tiny.work.write(text.replace("[tiny_box.box]", '[{ to = tiny_box.box, member = "pin" }]'))
    outcome = tiny.apply()
    assert (
        'The secret has no member "pin"; it has id, password.' in outcome.applied.results[-1].text
    )
    assert not tiny.passes


def test_sinks_of_for_each(tiny):
    tiny.work.write(
        f"""
        resource "tiny_vault" "all" {{
          for_each = toset(["a", "b"])
          name = each.key
        }}
        resource "tiny_pass" "key" {{
          for_each = toset(["a", "b"])
          user = each.key
          rotation {{
            {RULE}
            deliver_to = [tiny_vault.all[each.key]]
          }}
        }}
        """
    )
    tiny.applied()
    for name in ("a", "b"):
        assert tiny.passes[tiny.secret(name)["id"]]["user"] == name


def test_json_syntax(tiny):
    tiny.work.write(
        json.dumps(
            {
                "resource": {
                    "tiny_vault": {"vault": {"name": "vault"}},
                    "tiny_box": {"box": {"name": "box"}},
                    "tiny_pass": {
                        "key": {
                            "user": "billing",
                            "rotation": {
                                "max_age": "90d",
                                "deliver_to": [
                                    "tiny_vault.vault",
                                    {"to": "tiny_box.box", "member": "password"},
                                ],
                                "verify": {"by": "probe"},
                            },
                        }
                    },
                },
                "consumer": {"export": {"uses": "tiny_pass.key", "owner": "ann"}},
            }
        ),
        "main.hcl.json",
    )
    found = tiny.rotation()
    assert [sink.member for sink in found.sinks] == ["", "password"]
    assert [consumer.owner for consumer in found.consumers] == ["ann"]
    assert found.rule["verify"] == "probe"


def test_cut_off_with_a_sink_that_shows_nothing_keeps_both(tiny):
    """It holds one of the two: removing either could break its consumers."""
    due(tiny, ("box",))
    killed_at(tiny, "call.after:deliver:tiny_box.box")
    found = tiny.rotation()
    assert found.steps == ()
    assert found.findings[0].summary == "A sink holds one of two credentials"
    assert len(tiny.passes) == 2
    assert tiny.works("box")
    tiny.applied()
    assert len(tiny.passes) == 2


@pytest.mark.parametrize("point", ["call.before", "call.after"])
def test_somebody_finds_out_which_one_and_removes_the_other(tiny, point):
    due(tiny, ("box",))
    killed_at(tiny, f"{point}:deliver:tiny_box.box")
    for key in list(tiny.passes):
        if key != tiny.secret("box")["id"]:
            del tiny.passes[key]
    for _ in range(4):
        tiny.apply()
        assert tiny.works("box")
        assert not tiny.orphans()
        tiny.use("box")
        tiny.later(days=8)
    tiny.later(days=2)
    tiny.apply()
    tiny.later(days=2)
    tiny.apply()
    assert len(tiny.passes) == 1
    assert tiny.works("box")


def test_a_sink_that_accepts_and_then_fails(tiny):
    """It holds the new one although it said that it does not: nothing it may hold is destroyed."""
    due(tiny, ("box",))
    tiny.tenant.faults.append(Fault("deliver", "tiny_box", LOST, after=True, times=3))
    outcome = tiny.apply()
    assert outcome.applied.count("failed") == 1
    assert "is kept" in outcome.applied.results[-1].text
    assert tiny.works("box")
    assert not tiny.orphans()


def test_a_readable_sink_that_accepts_and_then_fails_is_put_back(tiny):
    due(tiny, ("vault",))
    old = tiny.secret("vault")
    tiny.tenant.faults.append(Fault("deliver", "tiny_vault", LOST, after=True, times=3))
    tiny.apply()
    assert tiny.secret("vault") == old
    assert set(tiny.passes) == {old["id"]}


def test_a_sink_that_is_added_later_is_told(tiny):
    tiny.write(sinks=("vault",))
    tiny.applied()
    tiny.write(sinks=("vault", "box"))
    found = tiny.rotation()
    assert found.findings[0].summary == "A sink lacks the credential"
    tiny.applied(Options(invoke=(KEY,)))
    assert tiny.works("box")
    assert not tiny.rotation().findings


def test_a_sink_that_somebody_removed_and_perimeter_makes_again_holds_nothing(tiny):
    """That is told before it is made and ever after, until a rotation fills it."""
    tiny.write(sinks=("vault", "box"))
    tiny.applied()
    tiny.tenant.of("tiny_box").clear()
    assert [item.summary for item in tiny.rotation().findings] == ["A sink lacks the credential"]
    tiny.applied()
    found = tiny.rotation().findings
    assert [item.summary for item in found] == ["A sink lacks the credential"]
    assert "tiny_box.box" in found[0].detail
    tiny.applied(Options(invoke=(KEY,)))
    assert tiny.works("box")
    assert not tiny.rotation().findings


def test_outside_its_hours_nothing_is_issued(tiny):
    due(tiny, ("vault",), rule=f'{RULE}\n schedule = "Sat,Sun 01-03"')
    found = tiny.rotation()
    assert (found.steps, found.waiting_for) == ((), ("the declared schedule",))
    assert found.next_at == "2026-04-11T01:00:00Z"
    assert tiny.rotation(Options(invoke=(KEY,))).steps == ("issue",)


@pytest.fixture
def web():
    """Answers GET with ``answer`` and keeps what is posted."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(self.server.answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            size = int(self.headers["Content-Length"])
            self.server.posted.append(json.loads(self.rfile.read(size)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.answer, server.posted = {}, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/healthz"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_consumer_proves_over_http_that_it_has_moved(tiny, web):
    tail = f"""
    consumer "export" {{
      uses = {KEY}
      evidence = "http"
      http {{
        url = "{web.url}"
        path = "keys.aws"
      }}
    }}
    """
    due(tiny, ("vault",), tail=tail)
    tiny.applied()
    web.answer = {"keys": {"aws": "another"}}
    tiny.use("vault")
    tiny.later(days=8)
    tiny.applied()
    assert tiny.rotation().waiting_for == ('consumer "export" to move',)
    web.answer = {"keys": {"aws": tiny.secret("vault")["id"]}}
    tiny.applied()
    assert tiny.rotation().steps == ("retire",)


def test_people_are_told_without_secrets(tiny, web):
    tiny.write(rule=f'{RULE}\n notify = ["{web.url}"]')
    tiny.applied()
    tiny.later(days=91)
    tiny.applied()
    assert [item["event"] for item in web.posted] == ["issued", "issued"]
    assert web.posted[1]["id"] == tiny.secret("vault")["id"]
    assert tiny.secret("vault")["password"] not in json.dumps(web.posted)


def test_who_cannot_be_told_is_a_warning(tiny):
    tiny.write(rule=f'{RULE}\n notify = ["http://127.0.0.1:9/x"]')
    outcome = tiny.applied()
    assert any("could not be told" in str(item.detail) for item in outcome.diagnostics)


def test_destroying_removes_every_credential(tiny):
    due(tiny, ("vault",))
    tiny.applied()
    assert len(tiny.passes) == 2
    tiny.applied(Options(destroy=True))
    assert not tiny.passes
    assert not tiny.work.state.resources


def test_an_end_of_the_declaration_ends_both(tiny):
    due(tiny, ("vault",), more='lifecycle {\n expires_at = "2026-06-01"\n }')
    tiny.applied()
    assert len(tiny.passes) == 2
    tiny.later(days=90)
    tiny.applied()
    assert not tiny.passes


def test_an_issue_that_fails_is_counted(tiny):
    tiny.write()
    tiny.tenant.faults.append(Fault("issue", "tiny_pass", ProviderError("No.", committed=False)))
    tiny.apply()
    assert tiny.instance().rotation.failures == 1
    assert tiny.rotation().steps == ()
    tiny.later(hours=1)
    tiny.applied()
    assert tiny.works("vault")


def test_what_a_sink_holds_follows_it_to_another_address(tiny):
    tiny.write(sinks=("vault",))
    tiny.applied()
    text = (tiny.directory / "main.hcl").read_text()
    text = text.replace('"tiny_vault" "vault"', '"tiny_vault" "safe"')
    text = text.replace("tiny_vault.vault", "tiny_vault.safe")
    tiny.work.write(text + "moved {\n from = tiny_vault.vault\n to = tiny_vault.safe\n}\n")
    tiny.applied()
    assert list(tiny.instance().rotation.holds) == ["tiny_vault.safe"]
    assert not tiny.rotation().findings
