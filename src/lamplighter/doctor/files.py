"""Checks of what stands in the workspace: folders, permissions, settings, agents."""

import os
import shutil
import stat

from lamplighter.config import CONFIG_FILE, ENV_FILE
from lamplighter.definitions.catalogue import FOLDER
from lamplighter.definitions.rowboat import MODELS_FILE, SERVERS_FILE
from lamplighter.doctor.finding import Case, Finding
from lamplighter.workspace import config_problems, mcp_servers, unknown_keys

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_folders(case: Case) -> Finding:
    """The workspace can be written to, and has a folder for agents."""
    name, folder = "workspace", case.settings.workspace
    for needed in (folder, case.settings.state_dir):
        if needed.exists() and not os.access(needed, os.W_OK | os.X_OK):
            return Finding(name, "fail", f"{needed} cannot be written to", "change its owner")
    if not (folder / FOLDER).is_dir():
        return Finding(name, "warn", f"{folder} has no folder {FOLDER}/", "lamplighter init")
    return Finding(name, "ok", str(folder))


def check_secrets(case: Case) -> Finding:
    """Keys and records are for nobody else on this machine."""
    name = "secrets"
    workspace = case.settings.workspace
    files = (workspace / ENV_FILE, workspace / MODELS_FILE, workspace / SERVERS_FILE)
    for private in (*files, case.settings.state_dir):
        if private.exists() and private.stat().st_mode & OTHERS:
            mode = "700" if private.is_dir() else "600"
            message = f"others on this machine may read {private.name}"
            return Finding(name, "warn", message, f"chmod {mode} {private}")
    return Finding(name, "ok", f"{ENV_FILE} and the state are private")


def check_settings(case: Case) -> Finding:
    """Every key of the settings' files means something."""
    unknown = unknown_keys(case.settings.workspace)
    if not unknown:
        return Finding("settings", "ok", f"every key of {CONFIG_FILE} and {ENV_FILE} is known")
    message = "; ".join(str(problem) for problem in unknown)
    return Finding("settings", "warn", message, "they have no effect; see docs/settings.md")


def check_servers(case: Case) -> Finding:
    """The files of a Rowboat folder can be read, and the programs of its servers are there."""
    problems = [*case.catalogue.others, *config_problems(case.settings)]
    if problems:
        message = "; ".join(str(problem) for problem in problems)
        return Finding("config", "warn", message, "lamplighter agent validate")
    servers = mcp_servers(case.settings)
    absent = [
        name
        for name, server in servers.items()
        if server.command and not shutil.which(os.path.expanduser(server.command))
    ]
    if absent:
        message = f"no program for the MCP servers {', '.join(absent)}"
        return Finding("config", "warn", message, "lamplighter mcp list --check")
    return Finding("config", "ok", f"{len(servers)} MCP servers")


def check_agents(case: Case) -> Finding:
    """Every agent file can be read."""
    name, entries = "agents", case.catalogue.entries
    broken = [entry.name for entry in entries if entry.errors]
    warned = [entry.name for entry in entries if entry.problems and not entry.errors]
    advice = "lamplighter agent validate"
    if broken:
        message = f"{len(broken)} of {len(entries)} cannot run: {', '.join(broken)}"
        return Finding(name, "fail", message, advice)
    if warned:
        message = f"{len(warned)} of {len(entries)} with warnings: {', '.join(warned)}"
        return Finding(name, "warn", message, advice)
    if not entries:
        return Finding(name, "warn", "there are none", f"write {FOLDER}/NAME.md")
    return Finding(name, "ok", f"{len(entries)}, all valid")
