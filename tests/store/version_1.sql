-- A store as version 1 of its schema left it, written by hand from a real one. Never edit: the files of users do not change either.
CREATE TABLE odoo_fleet_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT odoo_fleet_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO odoo_fleet_version VALUES('0001');
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
