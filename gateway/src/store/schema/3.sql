-- A message that was given up (sent = 2) keeps its transaction: it may have been under way all the same, and the network takes
-- each transaction once.
ALTER TABLE inbox ADD COLUMN txn TEXT;
