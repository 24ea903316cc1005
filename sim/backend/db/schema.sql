-- What drover's backend keeps in a file. Tables are what is written, the views are for people.
-- "drover help database" describes the columns; sim/backend/db knows this as schema 1.

CREATE TABLE tenant (
  no         INTEGER PRIMARY KEY,         -- in the order in which they came
  run        TEXT NOT NULL,               -- X-Drover-Run
  id         TEXT NOT NULL,               -- account.tenant_id
  duplicates INTEGER NOT NULL DEFAULT 0,  -- events that came again
  refused    INTEGER NOT NULL DEFAULT 0   -- events whose id belongs to another event
);

CREATE TABLE sender (
  tenant INTEGER NOT NULL,
  no     INTEGER NOT NULL,
  device TEXT NOT NULL,                   -- device.id.guid or device.id.wifi_mac; empty where neither was sent
  body   TEXT NOT NULL,                   -- {"device":{},"account":{},"app":{}}, as they came
  PRIMARY KEY (tenant, no)
) WITHOUT ROWID;

CREATE TABLE event (
  no           INTEGER PRIMARY KEY,       -- in the order in which they came
  tenant       INTEGER NOT NULL,
  sender       INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  kind         TEXT NOT NULL,
  time         TEXT NOT NULL,             -- by the device's clock
  id           TEXT NOT NULL,
  received     INTEGER NOT NULL,          -- milliseconds since 1970, by the backend's clock
  how          TEXT,                      -- by a defect: copied, swapped or leaked
  visible_from TEXT,                      -- by a defect: not shown before
  erased       TEXT,                      -- when consent was taken back and the body went
  body         TEXT                       -- the event as stored
);

CREATE TABLE verdict (
  tenant   INTEGER NOT NULL,
  id       TEXT NOT NULL,                 -- of the event
  seq      INTEGER NOT NULL,
  verdict  TEXT NOT NULL,                 -- malicious, benign or unknown
  category TEXT,
  score    REAL,
  answered INTEGER NOT NULL               -- milliseconds since 1970
);

CREATE TABLE planted (
  defect TEXT NOT NULL,                   -- as in target.defects
  id     TEXT NOT NULL                    -- of the event, or of the first one of the request
);

CREATE VIEW events AS
  SELECT e.no, t.run, t.id AS tenant, s.device, e.seq, e.kind, e.time, e.id,
         strftime('%Y-%m-%dT%H:%M:%fZ', e.received / 1000.0, 'unixepoch') AS received,
         e.how, e.visible_from, e.erased, e.body, s.body AS sender
  FROM event e JOIN tenant t ON t.no = e.tenant JOIN sender s ON s.tenant = e.tenant AND s.no = e.sender;

CREATE VIEW verdicts AS
  SELECT t.run, t.id AS tenant, v.id, v.seq, v.verdict, v.category, v.score,
         strftime('%Y-%m-%dT%H:%M:%fZ', v.answered / 1000.0, 'unixepoch') AS answered
  FROM verdict v JOIN tenant t ON t.no = v.tenant;
