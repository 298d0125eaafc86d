"""Renders dialogues with a chat template as transformers does: oracle.py TEMPLATE DIALOGUES.jsonl OUT.json"""

import json
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


template, dialogues, out = sys.argv[1:]
env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
env.filters["tojson"] = tojson
compiled = env.from_string(open(template, encoding="utf-8").read())
texts = []
for line in open(dialogues, encoding="utf-8", newline="\n"):
    for prompt in (False, True):
        texts.append(compiled.render(**json.loads(line), add_generation_prompt=prompt))
json.dump(texts, open(out, "w", encoding="utf-8"))
