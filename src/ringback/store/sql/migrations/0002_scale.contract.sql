-- What the nodes of the release before needed.
DROP INDEX queue_due;
ALTER TABLE limits DROP COLUMN next_dial_at;
