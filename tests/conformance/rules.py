"""Sequences about CEL rules in definitions: types, costs, and where they may stand.

Every expression of RULES is asked on one schema; what the real server refuses, and with which
words, is what ours must say.
"""

import pytest
from tests.conformance.asked import CRDS, Object
from tests.conformance.sides import Step, post

_TEXT: Object = {"type": "string"}
_NUMBER: Object = {"type": "integer"}
_SHORT: Object = {"type": "string", "maxLength": 10}
SPEC: Object = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 63},
        "text": {"type": "string"},
        "n": {"type": "integer"},
        "m": {"type": "integer"},
        "x": {"type": "number"},
        "b": {"type": "boolean"},
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "wait": {"type": "string", "format": "duration"},
        "raw": {"type": "string", "format": "byte"},
        "ios": {"x-kubernetes-int-or-string": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "anything": {"x-kubernetes-preserve-unknown-fields": True},
        "maybe": {"type": "string", "nullable": True},
        "mode": {"type": "string", "enum": ["a", "bb", "ccc"]},
        "list": {"type": "array", "items": {"type": "string", "maxLength": 10}, "maxItems": 10},
        "long": {"type": "array", "items": {"type": "string"}},
        "nums": {"type": "array", "items": {"type": "integer"}, "maxItems": 20},
        "sets": {
            "type": "array",
            "items": {"type": "string", "maxLength": 10},
            "maxItems": 10,
            "x-kubernetes-list-type": "set",
        },
        "ports": {
            "type": "array",
            "maxItems": 5,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 10},
                    "port": {"type": "integer"},
                },
            },
        },
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 20},
            "maxProperties": 10,
        },
        "wide": {"type": "object", "additionalProperties": {"type": "string"}},
        "grid": {
            "type": "array",
            "maxItems": 3,
            "items": {"type": "array", "maxItems": 3, "items": {"type": "integer"}},
        },
        "my-name": {"type": "string"},
        "a.b": {"type": "string"},
        "namespace": {"type": "string"},
        "x__y": {"type": "string"},
        "$odd": {"type": "string"},
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
    },
}
RULES = r"""
self.name == 'a'
self.nope == 1
self.n + self.m > 3
self.n + self.name == 'a'
self.n == 1.0
self.n < 1.5
self.x > 1
self.x == 1.0
self.when > timestamp('2020-01-01T00:00:00Z')
self.day.getFullYear() == 2024
self.wait < duration('1h')
self.when + self.wait > self.when
self.when == 'x'
self.raw == b'abc'
self.raw.size() < 5
self.ios == 5
self.ios == 'a' || self.ios == 5
type(self.ios) == string && self.ios.matches('^a')
self.free.x == 1
has(self.free.x)
self.anything == 1
self.maybe == null
self.maybe == 'a'
self.mode in ['a','b']
self.mode == 1
self.list.all(x, x.startsWith('a'))
self.list.all(x, x > 1)
self.list.exists(x, x == 'a') && self.list.size() > 1
self.list[0] == 'a'
self.list['a'] == 'a'
self.long.all(x, x.contains('a'))
self.long.all(x, self.long.all(y, x != y))
self.long.all(x, self.long.exists(y, x == y))
self.list.all(x, self.list.all(y, x == y))
self.nums.sum() > 5
self.nums.map(x, x * 2).filter(x, x > 1).size() < 3
self.nums.isSorted()
self.list.isSorted()
self.long.isSorted()
self.long.join(',').size() < 10
self.list.join(',') == 'a'
self.ports.all(p, p.port > 0)
self.ports.all(p, p.nope > 0)
self.ports.exists_one(p, p.name == 'http')
self.ports.map(p, p.port).sum() == 3
self.labels.all(k, k.startsWith('a'))
self.labels['a'] == 'b'
self.labels.a == 'b'
'a' in self.labels
self.wide.all(k, self.wide[k].matches('^a+$'))
self.wide.exists(k, k == 'a' && self.wide[k] == 'b')
self.grid.all(r, r.all(c, c > 0))
self.grid[0][0] == 1
self.my__dash__name == 'a'
self.a__dot__b == 'a'
self.namespace == 'a'
self.__namespace__ == 'a'
self.x__underscores__y == 'a'
self.odd == 'a'
self.template.metadata.name == 'a'
self.template.kind == 'Pod'
self.template.spec.x == 1
self.text.matches('[')
self.text.matches('^[a-z]+$')
self.text.contains('a') && self.text.contains(self.text)
self.text.contains(self.name)
self.name.matches(self.text)
self.text.split(',').all(x, x.size() < 3)
self.text.split(',').size() < 3
self.text.replace('a','b') == 'c'
self.text.replace('','bbbb').size() < 100
self.text.lowerAscii() == self.text
self.text.find('[0-9]+') == '1'
self.text.findAll('[0-9]+').size() == 1
self.name + self.text == 'a'
(self.name + self.text).size() > 3
self.name
self.n
true
1
'a'
quantity(self.name).isGreaterThan(quantity('1Gi'))
quantity(self.text).compareTo(quantity('1')) == 0
isQuantity(self.name)
sign(quantity('1')) == 1
quantity('1').sign() == 1
quantity('1').add(1) == quantity('2')
url(self.text).getHost() == 'a'
isURL(self.text)
ip(self.name).family() == 4
isIP(self.name)
cidr(self.name).containsIP('1.2.3.4')
cidr('10.0.0.0/8').containsCIDR(self.name)
string(ip('1.2.3.4')) == '1.2.3.4'
ip.isCanonical(self.text)
semver(self.name).major() == 1
semver('v1.2', true).isLessThan(semver('2.0.0'))
format.dns1123Label().validate(self.name).hasValue()
!format.named('dns1123Label').value().validate(self.text).hasValue()
format.nope().validate('a').hasValue()
sets.contains(self.list, ['a'])
sets.equivalent(self.long, ['a'])
sets.intersects(self.list, self.list)
math.greatest(1, 2) == 2
cel.bind(a, self.n, a > 1)
optional.of(self.n).hasValue()
self.?n.orValue(3) == 3
self.?nope.orValue(3) == 3
self.?n.optMap(v, v + 1).orValue(0) > 1
self.list[?0].orValue('') == 'a'
self.labels[?'a'].hasValue()
self.?labels.a.orValue('') == 'b'
[1, 2, 3].all(x, x > 0)
[1, 'a'].size() == 2
{'a': 1, 'b': 'c'}.size() == 2
{'a': 1}.all(k, k == 'a')
[self.n, ?self.?m].size() == 2
self.list.sort() == self.list
self.list.distinct().size() == self.list.size()
self.long.distinct().size() == 1
self.nums.slice(0, 1).size() == 1
self.ports.sortBy(p, p.port)[0].port == 1
lists.range(5).all(x, x < 5)
self.grid.flatten().size() == 3
self.list.reverse()[0] == 'a'
self.list.first().hasValue()
self.labels.transformList(k, v, k + v).size() == 1
self.labels.transformMap(k, v, v + 'a').size() == 1
self.labels.all(k, v, k == v)
self.list.all(i, v, i < 5 && v == 'a')
self.list.indexOf('a') == 0
self.name.indexOf('a') == 0
self.name.charAt(0) == 'a'
self.name.substring(0, 2) == 'ab'
self.name.trim() == self.name
self.name.upperAscii() == 'A'
'%s-%d'.format([self.name, self.n]) == 'a-1'
'%s'.format([self.name]) == 'a'
strings.quote(self.name) == 'a'
self.name.reverse() == 'a'
int(self.name) == 1
string(self.n) == '1'
double(self.n) == 1.0
bool('true')
bytes(self.name).size() == 1
string(self.raw) == 'a'
uint(1) == 1u
dyn(self.n) == 'a'
type(self.n) == int
self.n in self.nums
self.name in self.list
self.name in self.long
1 in [1, 2]
1 in ['a']
duration('1x') == duration('1s')
timestamp('nope') < timestamp('2020-01-01T00:00:00Z')
self.when.getHours('Europe/Berlin') == 1
self.b ? self.n > 1 : self.m > 1
self.b ? 1 : 'a'
!self.n
-self.n > 0
self.n / 0 == 1
self.n % 2 == 0
self.x % 2.0 == 0.0
has(self.n)
has(self.nope)
has(self)
has(self.labels.a) && self.labels.a == 'b'
oldSelf.n == self.n
self.n >= oldSelf.n
self == oldSelf
self.list == oldSelf.list
self.long == oldSelf.long
self.sets == self.sets
self.sets + ['a'] == ['a']
self.text == oldSelf.text
self.text < 'b'
self.list.map(x, x + 'a').all(y, y == 'aa')
self.long.map(x, x + 'a').all(y, y == 'aa')
self.long.filter(x, x == 'a').size() == 1
self.
self.n ==
self.n = 1
foo(self.n)
self.foo()
self.name.foo()
unknown
self.name.size()
size(self.name) > 1
size(self.n) > 1
self.nums.max() > 1
self.long.max() == 'a'
self.nums.all(x, x > 'a')
self.nums.all(x, x)
self.n.all(x, true)
self.name.all(x, true)
self.nums.exists(x, x == self.nope)
authorizer.group('').resource('pods').check('get').allowed()
request.name == 'a'
Foo{a: 1} == 1
null == self.maybe
self.n != null
self.when != null
'a' + 1 == 'a1'
1 + 1u == 2u
b'a' + b'b' == b'ab'
self.nums + [1] == [1]
self.nums + ['a'] == [1]
r'\d' == self.name
"a\tb" == self.name
self.name == 'ä' || self.name.size() == 1
self.list.all(x, self.long.all(y, x == y))
self.labels.all(k, self.wide.all(j, k == j))
[[1],[2]].flatten() == [1, 2]
self.wide.map(k, self.wide[k]).join('').size() < 9
self.long.map(x, self.long.size()).sum() > 0
self.list.map(x, self.list.map(y, x + y)).flatten().size() == 2
""".strip().splitlines()


def definition(schema: Object) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.{ns}.example.dev"},
        "spec": {
            "group": "{ns}.example.dev",
            "scope": "Namespaced",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", **schema}},
                }
            ],
        },
    }


def asked(schema: Object) -> Step:
    return post(CRDS, definition(schema), query={"dryRun": "All"})


def ruled(rule: str, **more: object) -> Object:
    return {**SPEC, "x-kubernetes-validations": [{"rule": rule, **more}]}


def on(field: Object, *rules: Object) -> Object:
    """A schema with rules at one field."""
    return {
        "properties": {
            "spec": {
                "type": "object",
                "properties": {"f": {**field, "x-kubernetes-validations": list(rules)}},
            }
        }
    }


def below(holder: Object, **rule: object) -> Object:
    """A schema with a rule at the items or values of a list or map."""
    name = "items" if holder["type"] == "array" else "additionalProperties"
    inner = {"type": "object", "properties": {"a": _SHORT}, "x-kubernetes-validations": [rule]}
    return {
        "properties": {"spec": {"type": "object", "properties": {"f": {**holder, name: inner}}}}
    }


_MAP_LIST: Object = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["a"],
}
PLACES: list[Object] = [
    {"x-kubernetes-validations": [{"rule": "self.metadata.name == 'a' && self.kind == 'b'"}]},
    {"x-kubernetes-validations": [{"rule": "self.metadata.labels == {}"}]},
    {
        "x-kubernetes-validations": [{"rule": "self.metadata.name.startsWith(self.spec.a)"}],
        "properties": {"spec": {"type": "object", "properties": {"a": _SHORT}}},
    },
    on(_SHORT, {"rule": "self == 'a'"}, {"rule": "self > 1"}, {"rule": "self == oldSelf"}),
    on(_SHORT, {"rule": "oldSelf.hasValue() && self == oldSelf.value()", "optionalOldSelf": True}),
    on(_SHORT, {"rule": "oldSelf.orValue('') == self", "optionalOldSelf": True}),
    on(_SHORT, {"rule": "oldSelf == self", "optionalOldSelf": True}),
    on(_SHORT, {"rule": "self == 'a'", "optionalOldSelf": True}),
    on(_SHORT, {"rule": "self == 'a'", "optionalOldSelf": False}),
    on(_SHORT, {"rule": "self == 'a'", "messageExpression": "self + 'b'"}),
    on(_SHORT, {"rule": "self == 'a'", "messageExpression": "1"}),
    on(_SHORT, {"rule": "self == 'a'", "messageExpression": "self.b"}),
    on(_SHORT, {"rule": "self == 'a'", "messageExpression": " "}),
    on(_TEXT, {"rule": "self == 'a'", "messageExpression": "self + self"}),
    on(_NUMBER, {"rule": "self > 1", "messageExpression": "'got ' + string(self)"}),
    on(_SHORT, {"rule": "self == 'a'", "message": " "}, {"rule": "self == 'a'", "message": "a\nb"}),
    on(_SHORT, {"rule": "self\n== 'a'"}, {"rule": "self\n== 'a'", "message": "a"}),
    on(_SHORT, {"rule": " "}, {"rule": "self == 'a'", "reason": "Nonsense"}),
    on(_SHORT, {"rule": "self == 'a'", "reason": "FieldValueRequired"}),
    on(
        {
            "type": "object",
            "properties": {"a": _SHORT, "m": {"type": "object", "additionalProperties": _SHORT}},
        },
        {"rule": "true", "fieldPath": ".a"},
        {"rule": "true", "fieldPath": ".b"},
        {"rule": "true", "fieldPath": "a"},
        {"rule": "true", "fieldPath": ".m['x.y']"},
        {"rule": "true", "fieldPath": ".m.x"},
        {"rule": "true", "fieldPath": ".a[0]"},
        {"rule": "true", "fieldPath": " "},
        {"rule": "true", "fieldPath": ".a\n"},
    ),
    on({"x-kubernetes-preserve-unknown-fields": True}, {"rule": "true"}),
    on({"x-kubernetes-int-or-string": True}, {"rule": "type(self) == int || self == 'a'"}),
    below({"type": "array"}, rule="self.a == 'a'"),
    below({"type": "array"}, rule="self.a.matches('^a$')"),
    below({"type": "array", "maxItems": 10}, rule="self.a.matches('^a$')"),
    below({"type": "array", "maxItems": 10}, rule="self.a == oldSelf.a"),
    below({**_MAP_LIST, "maxItems": 10}, rule="self.a == oldSelf.a"),
    below({"type": "object"}, rule="self.a == oldSelf.a"),
    below({"type": "object", "maxProperties": 10}, rule="self.a == oldSelf.a"),
    below({"type": "object", "maxProperties": 1000000}, rule="self.a.startsWith('a')"),
    {
        "properties": {
            "spec": {"type": "object", "allOf": [{"x-kubernetes-validations": [{"rule": "true"}]}]}
        }
    },
]
RULE_SEQUENCES = [
    pytest.param(
        [asked({"properties": {"spec": ruled(rule, message="no")}}) for rule in RULES],
        id="which rules fit their schema",
    ),
    pytest.param([asked(schema) for schema in PLACES], id="where rules may stand"),
]
