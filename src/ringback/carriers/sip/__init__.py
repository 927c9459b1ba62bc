"""Real calls over a SIP trunk: the signalling and the media run in worker processes of their own."""
