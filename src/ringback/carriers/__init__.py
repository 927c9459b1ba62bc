"""The ways to place a call, behind one seam."""
