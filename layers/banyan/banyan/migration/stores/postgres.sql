-- What Banyan adds to a legacy database: which side is primary, sync points of rows and streams, the outbox, and counts.

CREATE TABLE IF NOT EXISTS banyan_lead (
    entity text   PRIMARY KEY,
    leader text   NOT NULL,
    token  bigint NOT NULL DEFAULT 0
);

ALTER TABLE banyan_lead ADD COLUMN IF NOT EXISTS token bigint NOT NULL DEFAULT 0;

CREATE TABLE IF NOT EXISTS banyan_link (
    entity      text   NOT NULL,
    tenant      text   NOT NULL,
    id          text   NOT NULL,
    row_version bigint NOT NULL,
    version     bigint NOT NULL,
    PRIMARY KEY (entity, tenant, id)
);

CREATE TABLE IF NOT EXISTS banyan_outbox (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity      text        NOT NULL,
    tenant      text        NOT NULL,
    id          text        NOT NULL,
    commit_id   text        NOT NULL,
    version     bigint      NOT NULL,
    count       integer     NOT NULL,
    row_version bigint      NOT NULL,
    content     text        NOT NULL,
    metadata    text        NOT NULL,
    state       text        NOT NULL,
    imported    boolean     NOT NULL,
    relay       boolean     NOT NULL,
    written_at  timestamptz NOT NULL,
    UNIQUE (entity, tenant, id, commit_id)
);

CREATE INDEX IF NOT EXISTS banyan_outbox_pending ON banyan_outbox (entity, number) WHERE relay;

-- Rows that changed and were not looked at yet, by any program.

CREATE SEQUENCE IF NOT EXISTS banyan_change;

CREATE TABLE IF NOT EXISTS banyan_changes (
    entity     text        NOT NULL,
    tenant     text        NOT NULL,
    id         text        NOT NULL,
    number     bigint      NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (entity, tenant, id)
);

-- Direct writes that were refused; a sequence keeps its number when the transaction is rolled back.

CREATE SEQUENCE IF NOT EXISTS banyan_refused;

-- Which of these changes the reconciliation has looked at.

ALTER TABLE banyan_changes ADD COLUMN IF NOT EXISTS seen bigint NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS banyan_changes_unseen ON banyan_changes (entity, number) WHERE number > seen;

-- Once legacy writes are off, only Banyan itself writes; every other attempt is counted.

CREATE OR REPLACE FUNCTION banyan_by_facade() RETURNS boolean LANGUAGE sql AS $$
    SELECT COALESCE(current_setting('banyan.facade', true), '') = 'on'
$$;

CREATE OR REPLACE FUNCTION banyan_expect_writes(of_entity text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT banyan_by_facade() AND EXISTS (SELECT FROM banyan_lead WHERE entity = of_entity AND leader = 'off') THEN
        PERFORM nextval('banyan_refused');
        RAISE EXCEPTION 'legacy_writes_off' USING HINT = 'the event store has taken over: use the API';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION banyan_note(of_entity text, of_tenant text, of_id text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO banyan_changes (entity, tenant, id, number, changed_at)
    VALUES (of_entity, of_tenant, of_id, nextval('banyan_change'), clock_timestamp())
    ON CONFLICT (entity, tenant, id) DO UPDATE SET number = EXCLUDED.number, changed_at = EXCLUDED.changed_at
$$;

-- Triggers for the table of rows: banyan_watch(entity, tenant column, id column), before each row and before TRUNCATE.
-- A row that takes the place of a deleted one continues after the version that its stream was last given.

CREATE OR REPLACE FUNCTION banyan_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after  jsonb := to_jsonb(NEW);
    told   bigint;
BEGIN
    PERFORM banyan_expect_writes(TG_ARGV[0]);
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format('SELECT banyan_note(%L, %I::text, %I::text) FROM %s',
                       TG_ARGV[0], TG_ARGV[1], TG_ARGV[2], TG_RELID::regclass);
        RETURN NULL;
    END IF;
    IF before IS NOT NULL THEN
        PERFORM banyan_note(TG_ARGV[0], before ->> TG_ARGV[1], before ->> TG_ARGV[2]);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF before IS NULL OR (before ->> TG_ARGV[1], before ->> TG_ARGV[2]) <> (after ->> TG_ARGV[1], after ->> TG_ARGV[2])
    THEN
        PERFORM banyan_note(TG_ARGV[0], after ->> TG_ARGV[1], after ->> TG_ARGV[2]);
        SELECT row_version INTO told FROM banyan_link
        WHERE entity = TG_ARGV[0] AND tenant = after ->> TG_ARGV[1] AND id = after ->> TG_ARGV[2];
        IF (after ->> 'version')::bigint <= told AND NOT banyan_by_facade() THEN
            NEW := jsonb_populate_record(NEW, jsonb_build_object('version', told + 1));
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- Triggers for a table of lines: banyan_line(entity, table of rows, key column, ...), after each row and before
-- TRUNCATE. A key column that the table of rows names otherwise is written 'name here=name there'.

CREATE OR REPLACE FUNCTION banyan_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    keys text[] := TG_ARGV[2:];
    raise_version text := format('UPDATE %s AS r SET version = version + 1 WHERE ', TG_ARGV[1]::regclass);
    parent text;
BEGIN
    PERFORM banyan_expect_writes(TG_ARGV[0]);
    IF banyan_by_facade() THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        SELECT string_agg(format('r.%I = l.%I', split_part('=' || key, '=', -1), split_part(key, '=', 1)), ' AND ')
        INTO parent FROM unnest(keys) AS key;
        EXECUTE format('%sEXISTS (SELECT FROM %s AS l WHERE %s)', raise_version, TG_RELID::regclass, parent);
        RETURN NULL;
    END IF;
    FOR parent IN
        SELECT DISTINCT string_agg(
            format('r.%I = %L', split_part('=' || key, '=', -1), line ->> split_part(key, '=', 1)), ' AND ')
        FROM unnest(ARRAY[to_jsonb(OLD), to_jsonb(NEW)]) WITH ORDINALITY AS lines(line, place), unnest(keys) AS key
        WHERE line IS NOT NULL GROUP BY place
    LOOP
        EXECUTE raise_version || parent;
    END LOOP;
    RETURN NULL;
END $$;
