"""Headers by which a client tries to pass for another, or to choose a host, by what they imitate.

Each case is a list of header lines, as (name, value). The names of the cases say which advisory or
complaint they come from, where there is one.
"""

EVIL = "evil.example"

ADDRESSES = {
    "one, werkzeug#290": "6.6.6.6",
    "loopback": "127.0.0.1",
    "private": "10.0.0.1",
    "link-local metadata": "169.254.169.254",
    "any": "0.0.0.0",
    "ipv6 loopback": "::1",
    "ipv6": "2001:db8::666",
    "ipv6 in brackets": "[2001:db8::666]",
    "ipv6 in brackets with port": "[2001:db8::666]:80",
    "ipv6 with zone": "fe80::1%eth0",
    "ipv4 in ipv6": "::ffff:127.0.0.1",
    "with port": "6.6.6.6:1234",
    "with mask": "6.6.6.6/0",
    "octal": "0177.0.0.1",
    "hex": "0x7f.0.0.1",
    "decimal": "2130706433",
    "short": "127.1",
    "localhost": "localhost",
    "unknown": "unknown",
    "empty": "",
    "comma": ",",
    "commas": ",,,6.6.6.6,,",
    "list, flask-limiter#41": "6.6.6.6, 7.7.7.7",
    "list ending in the peer": "6.6.6.6, 198.51.100.7",
    "list ending in a proxy": "6.6.6.6, 10.0.0.1",
    "list of proxies": "10.0.0.1, 10.0.0.2, 10.0.0.3",
    "long list": ", ".join(["6.6.6.6"] * 200),
    "spaces": "  6.6.6.6  ",
    "tab": "6.6.6.6\t, 7.7.7.7",
    "quoted": '"6.6.6.6"',
    "markup, werkzeug#290": "<script>alert(1)</script>",
    "sql": "' OR 1=1 --",
    "escape sequence, rack CVE-2025-25184": "6.6.6.6\x1b[31m",
    "latin-1": "6.6.6.6\xff",
    "name": EVIL,
}
HOSTS = {
    "other, werkzeug#609": EVIL,
    "other with port": f"{EVIL}:8443",
    "user, rack CVE-2026-34835": f"example.org@{EVIL}",
    "path, rack CVE-2026-34835": f"{EVIL}/example.org",
    "query, rack CVE-2026-34835": f"{EVIL}?example.org",
    "fragment, rack CVE-2026-34835": f"{EVIL}#example.org",
    "path before a suffix, rails CVE-2021-22881": f"{EVIL}/.example.net",
    "fragment before a suffix, rails CVE-2021-44528": f"{EVIL}#www.example.net",
    "port before a suffix, rails CVE-2021-44528": f"{EVIL}:80#www.example.net",
    "case, rails CVE-2021-22942": "EVIL.EXAMPLE",
    "case of a suffix, rails CVE-2021-22942": "EVILEXAMPLE.NET",
    "name as a prefix": f"example.org.{EVIL}",
    "name as an ending": "evilexample.org",
    "name as an ending of a suffix": "evilexample.net",
    "below a name that stands alone": "www.example.org",
    "trailing dots": "example.org..",
    "leading dot": ".example.net",
    "two dots": "www..example.net",
    "list": f"example.org, {EVIL}",
    "list, the other first": f"{EVIL}, example.org",
    "list without spaces": f"example.org,{EVIL}",
    "space": f"example.org {EVIL}",
    "tab": f"example.org\t{EVIL}",
    "backslash": f"example.org\\{EVIL}",
    "percent": "example.org%2eevil.example",
    "null escaped": f"example.org%00.{EVIL}",
    "semicolon": f"example.org;{EVIL}",
    "quoted": '"example.org"',
    "scheme": f"https://{EVIL}",
    "two slashes, werkzeug CVE-2020-28724": f"//{EVIL}",
    "underscore": "example_org",
    "latin-1": "ex\xe4mple.org",
    "port that is none": "example.org:port",
    "port too high": "example.org:65536",
    "port zero": "example.org:0",
    "port of no digits": "example.org:",
    "two ports": f"example.org:80:{EVIL}",
    "debugger's host, werkzeug CVE-2024-34069": "localhost",
    "loopback": "127.0.0.1",
    "ipv6 loopback": "[::1]",
    "ipv6 unclosed": "[::1",
    "ipv6 and a name": f"[::1].{EVIL}",
    "markup": "<b>example.org</b>",
    "star": "*",
}
FORWARDED = {
    "for": "for=6.6.6.6",
    "for loopback": "for=127.0.0.1",
    "for ipv6": 'for="[2001:db8::666]"',
    "for ipv6 with port": 'for="[2001:db8::666]:4711"',
    "for ipv6 without quotes": "for=[2001:db8::666]",
    "for with port": 'for="6.6.6.6:80"',
    "for hidden": "for=_hidden",
    "for unknown": "for=unknown",
    "for a proxy": "for=10.0.0.1",
    "for a list": "for=6.6.6.6, for=7.7.7.7",
    "for list of proxies": "for=10.0.0.1, for=10.0.0.2",
    "for with mask": "for=6.6.6.6/0",
    "host": f"host={EVIL}",
    "host with port": f'host="{EVIL}:8443"',
    "host with user, rack CVE-2026-34835": f'host="example.org@{EVIL}"',
    "proto": "proto=https",
    "proto in capitals": "PROTO=HTTPS",
    "proto javascript": "proto=javascript",
    "by": "by=10.0.0.1",
    "by a secret name": "by=_secret;for=6.6.6.6",
    "all": f"for=6.6.6.6;by=10.0.0.1;host={EVIL};proto=https",
    "quoted semicolon, rack CVE-2026-32762": f'for="6.6.6.6;host={EVIL};proto=https"',
    "quoted semicolon in an extension, rack CVE-2026-32762": f'x=";host={EVIL};proto=https"',
    "quoted comma, rack CVE-2026-32762": 'for="6.6.6.6, for=7.7.7.7"',
    "escaped quote, rack CVE-2026-32762": f'for="6.6.6.6\\";host={EVIL};x=\\""',
    "open quote, falcon#1116": 'for=6.6.6.6;by="',
    "open quote at the start": '"for=6.6.6.6',
    "escape at the end": 'for="6.6.6.6\\',
    "for twice": "for=6.6.6.6;for=7.7.7.7",
    "host twice": f"host=example.org;host={EVIL}",
    "empty parameter": "for=",
    "no value": "for",
    "semicolons": ";;;for=6.6.6.6;;",
    "commas": ",,for=6.6.6.6,,",
    "spaces": " for = 6.6.6.6 ",
    "long": ", ".join(["for=6.6.6.6"] * 200),
    "latin-1": 'for="6.6.6.6\xff"',
    "escape sequence, rack CVE-2025-25184": 'for="\x1b[31m"',
    "werkzeug#800": f"for=6.6.6.6;proto=https;host={EVIL}, for=10.0.0.1;proto=http",
}
SCHEMES = ["https", "HTTPS", "http", "wss", "ws", "javascript", "file", "on", "1", "https,http"]
SCHEMES += ["http, https", "https\xff", "", "https://", "https://evil.example/?"]
PORTS = ["443", "8443", "0", "65536", "-1", "+443", "443,80", "port", "443@evil.example", ""]
PREFIXES = ["/evil", "/", "//evil.example", "/../admin", "/a/..", "evil", "\\evil", "/a?b", "/a#b"]
PREFIXES += ["https://evil.example", "/<script>", "/a%2f..", "/a, /b", "/\xff", ""]
OTHERS = {
    "X-Forwarded": "for=6.6.6.6",
    "X-Forwarded-By": "10.0.0.1",
    "X-Forwarded-Server": EVIL,
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Protocol, as gunicorn reads it": "https",
    "X-Forwarded-Scheme": "https",
    "X-Forwarded-Uri": "/admin",
    "X-Forwarded-Path": "/admin",
    "X-Forwarded-Method": "DELETE",
    "X-Forwarded-Host-Override": EVIL,
    "X-Forwarded-User, of oauth2-proxy": "admin",
    "X-Forwarded-Email": "admin@example.org",
    "X-Forwarded-Groups": "admins",
    "X-Forwarded-Preferred-Username": "admin",
    "X-Forwarded-Access-Token": "token",
    "X-Forwarded-Client-Cert, of Envoy": "By=spiffe://example.org;Subject=admin",
    "X-Forwarded-Tls-Client-Cert": "MII",
    "Forwarded-For": "6.6.6.6",
    "Client-IP, rails IpSpoofAttackError": "6.6.6.6",
    "X-Client-IP": "6.6.6.6",
    "X-Real-IP": "6.6.6.6",
    "X-Cluster-Client-IP": "6.6.6.6",
    "X-Remote-IP": "6.6.6.6",
    "X-Remote-Addr": "6.6.6.6",
    "X-Originating-IP": "6.6.6.6",
    "True-Client-IP": "6.6.6.6",
    "CF-Connecting-IP": "6.6.6.6",
    "Fastly-Client-IP": "6.6.6.6",
    "Front-End-Https": "on",
    "X-Url-Scheme": "https",
    "X-Scheme": "https",
    "X-Host": EVIL,
    "X-Original-Host": EVIL,
    "X-Original-Proto": "https",
    "X-Original-For": "6.6.6.6",
    "X-Script-Name, of Flask's snippet for a prefix": "/evil",
    "X-Arr-Ssl, of IIS": "2048|256|CN=evil.example",
    "X-Proto": "SSL",
    "CloudFront-Forwarded-Proto": "https",
    "CloudFront-Viewer-Address": "6.6.6.6:4711",
    "Fly-Forwarded-Proto": "https",
    "Fastly-SSL": "1",
    "DO-Connecting-IP": "6.6.6.6",
    "X-NF-Client-Connection-IP": "6.6.6.6",
    "X-Vercel-Forwarded-For": "6.6.6.6",
    "X-Sucuri-ClientIP": "6.6.6.6",
    "Incap-Client-IP": "6.6.6.6",
}
TOGETHER = {
    "address and scheme, as a proxy sends them": [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
    ],
    "all of them": [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", EVIL),
        ("X-Forwarded-Port", "8443"),
        ("X-Forwarded-Prefix", "/evil"),
        ("Forwarded", f"for=6.6.6.6;host={EVIL};proto=https"),
    ],
    "two that contradict, werkzeug#800": [
        ("X-Forwarded-For", "6.6.6.6"),
        ("Forwarded", "for=7.7.7.7"),
    ],
    "Client-IP against X-Forwarded-For, rails IpSpoofAttackError": [
        ("X-Forwarded-For", "6.6.6.6"),
        ("Client-IP", "7.7.7.7"),
    ],
    "one header in two lines": [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "10.0.0.1")],
    "Forwarded in two lines": [("Forwarded", 'for="6.6.6.6'), ("Forwarded", '"')],
    "lower case": [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-host", EVIL)],
    "port for the host": [("X-Forwarded-Port", "443"), ("X-Forwarded-Host", EVIL)],
    "fewer values than hops": [
        ("X-Forwarded-For", "6.6.6.6, 10.0.0.1, 10.0.0.2"),
        ("X-Forwarded-Proto", "https, http"),
    ],
    "prefix by the number of addresses, werkzeug#1414": [
        ("X-Forwarded-For", "6.6.6.6, 10.0.0.1"),
        ("X-Forwarded-Prefix", "/evil, /"),
    ],
}


def _case(header: str) -> str:
    return header.partition(",")[0]


def _cases() -> dict[str, list[tuple[str, str]]]:
    cases = {f"X-Forwarded-For: {name}": [("X-Forwarded-For", v)] for name, v in ADDRESSES.items()}
    cases |= {f"X-Forwarded-Host: {name}": [("X-Forwarded-Host", v)] for name, v in HOSTS.items()}
    cases |= {f"Forwarded: {name}": [("Forwarded", v)] for name, v in FORWARDED.items()}
    for header, values in [("Proto", SCHEMES), ("Port", PORTS), ("Prefix", PREFIXES)]:
        name = f"X-Forwarded-{header}"
        cases |= {f"{name}: {value!a}": [(name, value)] for value in values}
    cases |= {name: [(_case(name), value)] for name, value in OTHERS.items()}
    return cases | TOGETHER


HEADERS = _cases()
"""The lines of each case, without the cases of ``Host`` itself, which are ``HOSTS``."""
