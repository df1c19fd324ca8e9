"""Real faults: a house, its buyers, a nemesis that breaks things one after another, and the judgement afterwards."""
