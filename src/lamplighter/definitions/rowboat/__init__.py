"""The files of a Rowboat folder: read as they are, written so that Rowboat reads them. Pure."""

CONFIG = "config"
SCHEDULE_FILE = "config/agent-schedule.json"
STATE_FILE = "config/agent-schedule-state.json"
MODELS_FILE = "config/models.json"
SERVERS_FILE = "config/mcp.json"
SECURITY_FILE = "config/security.json"
