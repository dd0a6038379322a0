-- What Banyan adds to a legacy database: who leads, how rows and streams are linked, the outbox, and a watch.

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

-- Rows that changed since somebody last asked, whoever wrote them.

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

-- Trigger for the domain's tables: banyan_watch(entity, tenant column, id column).

CREATE OR REPLACE FUNCTION banyan_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    written jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
    IF COALESCE(current_setting('banyan.facade', true), '') <> 'on'
        AND EXISTS (SELECT FROM banyan_lead WHERE entity = TG_ARGV[0] AND leader = 'off') THEN
        PERFORM nextval('banyan_refused');
        RAISE EXCEPTION 'legacy_writes_off' USING HINT = 'the event store has taken over: use the API';
    END IF;
    INSERT INTO banyan_changes (entity, tenant, id, number, changed_at)
    VALUES (TG_ARGV[0], written ->> TG_ARGV[1], written ->> TG_ARGV[2], nextval('banyan_change'), clock_timestamp())
    ON CONFLICT (entity, tenant, id) DO UPDATE SET number = EXCLUDED.number, changed_at = EXCLUDED.changed_at;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
