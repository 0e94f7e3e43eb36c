<%def name="rows(title, pairs)">
<section class="card">
  <h2>${title}</h2>
  <dl>
    % for name, value in pairs:
    <dt>${name}</dt><dd>${value}</dd>
    % endfor
  </dl>
</section>
</%def>
<h1>What this request holds</h1>
<p class="quiet">This page is a Mako template inside a Jinja2 layout.</p>
<div class="columns even">
${rows("request", [
    ("method", request.method),
    ("path", request.path),
    ("endpoint", request.endpoint),
    ("remote_addr", request.remote_addr),
    ("scheme and host", f"{request.scheme}://{request.host}"),
    ("user_agent", request.user_agent.string),
])}
${rows("session", [(name, session[name]) for name in session])}
${rows("g", [
    ("has", ", ".join(g)),
    ("request_id", g.request_id),
    ("db", "open" if "db" in g.__dict__ else "not opened, for no one has asked for it"),
])}
${rows("current_app", [
    ("name", current_app.name),
    ("routes", ", ".join(sorted({str(rule) for rule in current_app.url_map.iter_rules()}))),
])}
</div>
