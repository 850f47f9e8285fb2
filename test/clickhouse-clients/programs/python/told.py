"""What a program of these tests tells: a line of JSON for each feature that it tried."""

import json


def tell(client, feature, attempt):
    try:
        problem = attempt()
        ok, detail = problem is None, "" if problem is None else str(problem)
    except Exception as error:
        ok, detail = False, f"{type(error).__name__}: {error}"
    print(json.dumps({"client": client, "feature": feature, "ok": ok, "detail": detail[:1000]}), flush=True)


def unequal(found, expected):
    return None if found == expected else f"{found!r} is not {expected!r}"


def refused(attempt, *words):
    """None when it raises an error that has these words."""
    try:
        attempt()
    except Exception as error:
        said = str(error)
        missing = [word for word in words if word not in said]
        return f"{said} lacks {missing}" if missing else None
    return "nothing was raised"
