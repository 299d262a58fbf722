#include "common/config/fleet_tables.h"

#include <utility>
#include <vector>

#include "common/config/service_keys.h"

namespace gitops {
namespace {

using Kind = ValueKind;

// Tables refer to each other for the life of the program.
const TableInfo& Keep(TableInfo table) { return *new TableInfo(std::move(table)); }

std::vector<KeyInfo> SelectorKeys() {
  return {{.name = "machines",
           .kind = Kind::kTexts,
           .help = "names, globs and ranges of hosts: [\"web{1..6}\", \"db*\"]"},
          {.name = "tagged", .kind = Kind::kTexts, .help = "every host with all of these tags"}};
}

void Append(std::vector<KeyInfo> more, std::vector<KeyInfo>& keys) {
  keys.insert(keys.end(), more.begin(), more.end());
}

const TableInfo& GitopperKeys() {
  static const TableInfo& table =
      Keep({"key",
            {{.name = "path", .kind = Kind::kTextOrTexts, .help = "of an SSH key; no effect"},
             {.name = "ro", .kind = Kind::kBool, .help = "no effect"}}});
  return table;
}

const TableInfo& GlobalTable() {
  static const TableInfo& table = Keep([] {
    TableInfo info{"global", {{.name = "machine", .help = "as in services"}}};
    for (const ServiceKey& key : ServiceKeys()) {
      if (key.in_global) info.keys.push_back(key.info);
    }
    Append({{.name = "service", .kind = Kind::kAny, .help = "of gitopper; no effect here"},
            {.name = "dirs", .kind = Kind::kAny, .help = "of gitopper; no effect here"},
            {.name = "keys",
             .kind = Kind::kOneOrMoreTables,
             .help = "gitopper's SSH keys; no effect",
             .table = &GitopperKeys()}},
           info.keys);
    return info;
  }());
  return table;
}

const TableInfo& ServiceTable() {
  static const TableInfo& table = Keep([] {
    TableInfo info{"service",
                   {{.name = "machine", .help = "the host's name, or an alias of --hosts"},
                    {.name = "service", .help = "the systemd unit, if action is set"}}};
    Append(SelectorKeys(), info.keys);
    for (const ServiceKey& key : ServiceKeys()) info.keys.push_back(key.info);
    return info;
  }());
  return table;
}

std::vector<KeyInfo> TimeKeys() {
  return {{.name = "period", .kind = Kind::kDuration, .help = "time between attempts"},
          {.name = "timeout", .kind = Kind::kDuration, .help = "of one attempt"}};
}

const TableInfo& HttpCheckTable() {
  static const TableInfo& table = Keep([] {
    TableInfo info{
        "http_check",
        {{.name = "description", .help = "the name in messages"},
         {.name = "host", .help = "the host of the request, and the Host header"},
         {.name = "scheme", .help = "default http", .choices = {"http", "https"}},
         {.name = "port",
          .kind = Kind::kInteger,
          .help = "default 80 or 443",
          .least = 1,
          .most = 65535},
         {.name = "path", .help = "path and query; starts with /"},
         {.name = "headers", .kind = Kind::kTextMap, .help = "more headers of the request"},
         {.name = "insecure_ssl", .kind = Kind::kBool, .help = "accepts any certificate"},
         {.name = "follow_redirects",
          .kind = Kind::kBool,
          .help = "default true: to the same scheme and host"}}};
    Append(TimeKeys(), info.keys);
    return info;
  }());
  return table;
}

const TableInfo& CmdCheckTable() {
  static const TableInfo& table = Keep([] {
    TableInfo info{"cmd_check",
                   {{.name = "description", .help = "the name in messages"},
                    {.name = "cmd",
                     .kind = Kind::kTexts,
                     .help = "the program and its arguments, run on the host"}}};
    Append(TimeKeys(), info.keys);
    return info;
  }());
  return table;
}

std::vector<KeyInfo> CheckKeys() {
  return {{.name = "http",
           .kind = Kind::kOneOrMoreTables,
           .help = "requests by the planner; any 2xx is a success",
           .table = &HttpCheckTable()},
          {.name = "cmd",
           .kind = Kind::kOneOrMoreTables,
           .help = "commands on the host; exit status 0 is a success",
           .table = &CmdCheckTable()}};
}

std::vector<KeyInfo> SecretKeys() {
  static const TableInfo& owner =
      Keep({"owner",
            {{.name = "user", .kind = Kind::kTextOrInteger, .help = "a name, or a number"},
             {.name = "group", .kind = Kind::kTextOrInteger, .help = "a name, or a number"}}});
  return {
      {.name = "source", .help = "the file, on the planner's machine"},
      {.name = "destination", .help = "the file on the host, absolute"},
      {.name = "owner", .kind = Kind::kTable, .help = "default root", .table = &owner},
      {.name = "permissions", .help = "the file's mode, octal; default 0400"},
      {.name = "action", .kind = Kind::kTexts, .help = "the command that run-secret-triggers runs"},
      {.name = "mk_dirs", .kind = Kind::kBool, .help = "create missing directories of destination"},
      {.name = "upload_at",
       .help = "default pre-activation",
       .choices = {"pre-activation", "post-activation"}}};
}

const TableInfo& HostTable() {
  static const TableInfo& checks = Keep({"host_checks", CheckKeys()});
  static const TableInfo& secret = Keep({"host_secret", SecretKeys()});
  static const TableInfo& table = Keep(
      {"host",
       {{.name = "name", .help = "unique; web{1..6}, db{01..20} and lb-{a,b} are many hosts"},
        {.name = "address", .help = "of its agent: HOST:PORT; may contain ${machine}"},
        {.name = "tags", .kind = Kind::kTexts, .help = "without commas and spaces"},
        {.name = "health_checks", .kind = Kind::kTable, .help = "after a change", .table = &checks},
        {.name = "pre_deploy_checks",
         .kind = Kind::kTable,
         .help = "before the first change",
         .table = &checks},
        {.name = "secrets",
         .kind = Kind::kNamedTables,
         .help = "files for the host",
         .table = &secret}}});
  return table;
}

const TableInfo& SharedChecksTable() {
  static const TableInfo& table = Keep([] {
    TableInfo info{"shared_checks", SelectorKeys()};
    Append(CheckKeys(), info.keys);
    return info;
  }());
  return table;
}

const TableInfo& SharedSecretTable() {
  static const TableInfo& table = Keep([] {
    TableInfo info{"shared_secret", {{.name = "name", .help = "the secret's name"}}};
    Append(SelectorKeys(), info.keys);
    Append(SecretKeys(), info.keys);
    return info;
  }());
  return table;
}

}  // namespace

const TableInfo& RootTable() {
  static const TableInfo& fleet =
      Keep({"fleet",
            {{.name = "order_by_tags",
              .kind = Kind::kTexts,
              .help = "hosts are ordered by the first of these tags that they have"}}});
  static const TableInfo& root = Keep(
      {"root",
       {{.name = "include", .kind = Kind::kTexts, .help = "other files, relative to this one"},
        {.name = "global",
         .kind = Kind::kTable,
         .help = "defaults for every service",
         .table = &GlobalTable()},
        {.name = "services", .kind = Kind::kTables, .help = "of hosts", .table = &ServiceTable()},
        {.name = "fleet", .kind = Kind::kTable, .help = "the fleet as a whole", .table = &fleet},
        {.name = "hosts", .kind = Kind::kTables, .help = "the hosts", .table = &HostTable()},
        {.name = "checks",
         .kind = Kind::kTables,
         .help = "health checks of many hosts",
         .table = &SharedChecksTable()},
        {.name = "secrets",
         .kind = Kind::kTables,
         .help = "secrets of many hosts",
         .table = &SharedSecretTable()},
        {.name = "hooks", .kind = Kind::kAny, .help = "of the hook dispatcher"},
        {.name = "agent", .kind = Kind::kAny, .help = "settings of gitops-agent"},
        {.name = "planner", .kind = Kind::kAny, .help = "settings of gitops-planner"},
        {.name = "hook-dispatcher",
         .kind = Kind::kAny,
         .help = "settings of gitops-hook-dispatcher"},
        {.name = "promotion-receiver",
         .kind = Kind::kAny,
         .help = "settings of gitops-promotion-receiver"},
        {.name = "gateway", .kind = Kind::kAny, .help = "settings of gitops-gateway"},
        {.name = "clusters", .kind = Kind::kAny, .help = "of the promotion receiver"},
        {.name = "sinks", .kind = Kind::kAny, .help = "of the promotion receiver"},
        {.name = "webhooks", .kind = Kind::kAny, .help = "of the gateway"},
        {.name = "keys",
         .kind = Kind::kOneOrMoreTables,
         .help = "gitopper's SSH keys; no effect",
         .table = &GitopperKeys()}}});
  return root;
}

}  // namespace gitops
