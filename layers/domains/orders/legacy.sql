-- The legacy order system: tables that are updated in place, by whichever program knows the password.

CREATE TABLE IF NOT EXISTS orders (
    tenant         text          NOT NULL,
    order_id       text          NOT NULL,
    customer       text          NOT NULL,
    status         text          NOT NULL CHECK (status IN ('open', 'paid', 'cancelled')),
    total          numeric(16,4) NOT NULL,
    payment_method text,
    cancel_reason  text,
    refunded       numeric(16,4) NOT NULL DEFAULT 0,
    created_at     timestamptz   NOT NULL DEFAULT now(),
    paid_at        timestamptz,
    cancelled_at   timestamptz,
    version        bigint        NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, order_id)
);

CREATE TABLE IF NOT EXISTS order_items (
    tenant   text          NOT NULL,
    order_id text          NOT NULL,
    line     integer       NOT NULL,
    sku      text          NOT NULL,
    quantity integer       NOT NULL,
    price    numeric(16,4) NOT NULL,
    PRIMARY KEY (tenant, order_id, line),
    FOREIGN KEY (tenant, order_id) REFERENCES orders ON DELETE CASCADE
);

-- Every write moves the row's version, also one that does not know of versions.

CREATE OR REPLACE FUNCTION orders_next_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = OLD.version THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER orders_version BEFORE UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION orders_next_version();
CREATE OR REPLACE TRIGGER order_items_version AFTER INSERT OR UPDATE OR DELETE ON order_items
    FOR EACH ROW EXECUTE FUNCTION banyan_line('order', 'orders', 'tenant', 'order_id');
CREATE OR REPLACE TRIGGER order_items_truncated BEFORE TRUNCATE ON order_items
    FOR EACH STATEMENT EXECUTE FUNCTION banyan_line('order', 'orders', 'tenant', 'order_id');
CREATE OR REPLACE TRIGGER orders_watch BEFORE INSERT OR UPDATE OR DELETE ON orders
    FOR EACH ROW EXECUTE FUNCTION banyan_watch('order', 'tenant', 'order_id');
CREATE OR REPLACE TRIGGER orders_truncated BEFORE TRUNCATE ON orders
    FOR EACH STATEMENT EXECUTE FUNCTION banyan_watch('order', 'tenant', 'order_id');
