-- A store as version 2 of its schema left it, written by hand from a real one. Never edit: see version_1.sql.
CREATE TABLE odoo_fleet_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT odoo_fleet_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO odoo_fleet_version VALUES('0002');
CREATE TABLE entries (
	fleet TEXT NOT NULL,
	kind TEXT NOT NULL,
	code TEXT NOT NULL,
	server TEXT NOT NULL,
	target TEXT NOT NULL,
	digest TEXT NOT NULL,
	verified_at TEXT NOT NULL,
	PRIMARY KEY (fleet, kind, code, server)
);
INSERT INTO entries VALUES('demo','instance','acme','prod-1','acme','d1','2026-11-24T12:00:00.000000+00:00');
CREATE TABLE server_states (
	fleet TEXT NOT NULL,
	server TEXT NOT NULL,
	state TEXT NOT NULL,
	PRIMARY KEY (fleet, server)
);
INSERT INTO server_states VALUES('demo','prod-1','active');
CREATE TABLE listings (
	fleet TEXT NOT NULL,
	server TEXT NOT NULL,
	names TEXT NOT NULL,
	at TEXT NOT NULL,
	PRIMARY KEY (fleet, server)
);
INSERT INTO listings VALUES('demo','prod-1','["acme"]','2026-11-24T12:00:00.000000+00:00');
CREATE TABLE passes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	fleet TEXT NOT NULL,
	started_at TEXT NOT NULL,
	ended_at TEXT,
	command TEXT NOT NULL,
	tool_version TEXT NOT NULL,
	fleet_digest TEXT NOT NULL,
	revision TEXT,
	done INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	unknown INTEGER NOT NULL,
	skipped INTEGER NOT NULL
);
INSERT INTO passes VALUES(3,'demo','2026-11-24T12:00:00.000000+00:00','2026-11-24T12:00:09.000000+00:00','apply','1.0','sha256:1','abc123',1,1,0,0);
INSERT INTO passes VALUES(4,'other','2026-11-24T12:00:00.000000+00:00','2026-11-24T12:00:09.000000+00:00','apply','1.0','sha256:2',NULL,1,0,0,0);
INSERT INTO passes VALUES(7,'demo','2026-11-24T13:00:00.000000+00:00',NULL,'plan','1.0','sha256:1',NULL,0,0,0,0);
CREATE TABLE outcomes (
	id INTEGER NOT NULL,
	pass_id INTEGER NOT NULL,
	at TEXT NOT NULL,
	action_id TEXT NOT NULL,
	verb TEXT NOT NULL,
	kind TEXT NOT NULL,
	code TEXT NOT NULL,
	server TEXT NOT NULL,
	"database" TEXT NOT NULL,
	becomes TEXT NOT NULL,
	reason TEXT NOT NULL,
	result TEXT NOT NULL,
	detail TEXT NOT NULL,
	seconds FLOAT NOT NULL,
	PRIMARY KEY (id),
	FOREIGN KEY(pass_id) REFERENCES passes (id) ON DELETE CASCADE
);
INSERT INTO outcomes VALUES(5,3,'2026-11-24T12:00:01.000000+00:00','clone instance/acme on prod-1','clone','instance','acme','prod-1','template','acme','declared','done','',1.5);
INSERT INTO outcomes VALUES(6,4,'2026-11-24T12:00:02.000000+00:00','clone instance/acme on prod-1','clone','instance','acme','prod-1','template','acme','declared','done','of the other fleet',1.5);
INSERT INTO outcomes VALUES(9,3,'2026-11-24T12:00:03.000000+00:00','configure instance/acme on prod-1','configure','instance','acme','prod-1','acme','acme','drifted','failed','no disk',0.5);
CREATE INDEX passes_of_fleet ON passes (fleet, id);
CREATE INDEX outcomes_of_pass ON outcomes (pass_id);
CREATE INDEX outcomes_of_document ON outcomes (kind, code, id);
