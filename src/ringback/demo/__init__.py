"""The main job, shown: a campaign of days over a file of leads, in seconds, through the real engine and database."""
