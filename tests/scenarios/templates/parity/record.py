"""Ask a running Backstage for every case, and write its answers down; README.md says how."""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

from tests.scenarios.templates.parity.corpus import HERE, THEMES, cases, cleaned


def ask(url: str, token: str, body: Any) -> tuple[int, Any]:
    headers = {"content-type": "application/json"} | (
        {"authorization": f"Bearer {token}"} if token else {}
    )
    data = b"" if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def main(address: str) -> None:
    _, guest = ask(f"{address}/api/auth/guest/refresh", "", None)
    token = guest["backstageIdentity"]["token"]
    for theme in THEMES:
        url = f"{address}/api/scaffolder/v2/dry-run"
        answers = {case.name: cleaned(*ask(url, token, case.body)) for case in cases(theme)}
        text = json.dumps(answers, indent=1, ensure_ascii=False, sort_keys=True)
        (HERE / "recorded" / f"{theme}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
