-- For /etc/prosody/prosody.cfg.lua: the component that Drawbridge connects as. The default port for components is 5347
-- on this host alone; keep it there.

-- With mod_privilege (package prosody-modules), contacts appear in the roster by themselves, and what you write in
-- another Matrix client is shown as yours. Without it, leave out both lines that name it, and the one it needs.
VirtualHost "example.org"
    modules_enabled = { "privilege" } -- add it to those you have
    privileged_entities = { ["matrix.example.org"] = { roster = "both"; message = "outgoing" } }

Component "matrix.example.org"
    component_secret = "a long random word" -- the same as in /etc/drawbridge/matrix.secret
    modules_enabled = { "privilege" }

-- Files of contacts are put on your upload service (http_file_share), sealed. It lets your components do so, unless you have
-- set http_file_share_access: then add "matrix.example.org" there.
