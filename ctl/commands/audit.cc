#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/clock/timestamp.h"
#include "common/json/json.h"
#include "common/sync/mutex.h"
#include "common/sync/side_by_side.h"
#include "common/text/plural.h"
#include "ctl/commands/audit_commands.h"
#include "ctl/failure.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

constexpr int kHostsAtOnce = 16;
// What anybody reads; `audit export` has all.
constexpr size_t kMostEntries = 20'000;

// Whose audits are read: that of the server, or with --host those of hosts.
absl::StatusOr<std::vector<std::string>> HostsOf(const AuditContext& context) {
  const std::string& glob = context.invocation.flags.filter.host();
  if (glob.empty()) return std::vector<std::string>{context.host};
  if (context.planner == nullptr) {
    return absl::InvalidArgumentError("--host is for the planner; leave it out with @HOST");
  }
  v1::Selection selection;
  selection.add_on(glob);
  const absl::StatusOr<std::vector<v1::Host>> found = context.planner->ListHosts(selection);
  if (!found.ok()) return found.status();
  if (found->empty()) {
    return absl::NotFoundError(absl::StrCat("no host matches --host ", glob));
  }
  std::vector<std::string> hosts;
  for (const v1::Host& host : *found) hosts.push_back(host.host());
  return hosts;
}

v1::ListAuditRequest RequestOf(const AuditContext& context, const std::string& host) {
  const Flags& flags = context.invocation.flags;
  v1::ListAuditRequest request;
  request.set_host(host);
  if (flags.filter.has_since()) *request.mutable_since() = flags.filter.since();
  if (flags.filter.has_until()) *request.mutable_until() = flags.filter.until();
  request.set_actor(flags.filter.actor());
  request.set_refused(flags.refused);
  return request;
}

// Runs `one` for each host, some at a time; tells of those that failed. The error, if all did.
template <typename One>
absl::StatusOr<ExitCode> ForEachHost(const AuditContext& context,
                                     const std::vector<std::string>& hosts, const One& one) {
  Mutex mutex;
  size_t failed = 0;
  absl::Status first;
  SideBySide(static_cast<int>(hosts.size()), kHostsAtOnce, [&](int i) {
    const std::string& host = hosts[static_cast<size_t>(i)];
    const absl::Status status = one(host);
    if (status.ok()) return;
    MutexLock lock(mutex);
    if (first.ok()) first = status;
    ++failed;
    if (hosts.size() > 1) {
      context.console.err << FailureText(absl::StrCat("audit of ", EscapeLine(host)), status)
                          << std::endl;
    }
  });
  if (failed == hosts.size()) return first;
  return failed == 0 ? kDone : ExitCodeOf(first);
}

// An ALLOWED entry shows how it ended, in place of the entry that tells it.
std::vector<ShownEntry> Joined(std::vector<ShownEntry> entries) {
  std::map<std::pair<std::string, int64_t>, size_t> allowed;
  std::vector<ShownEntry> joined;
  for (ShownEntry& shown : entries) {
    const v1::AuditEntry& entry = shown.entry;
    if (entry.kind() == v1::AuditEntry::KIND_ALLOWED) {
      allowed[{shown.host, entry.number()}] = joined.size();
    } else if (entry.kind() == v1::AuditEntry::KIND_ENDED) {
      if (const auto of = allowed.find({shown.host, entry.of()}); of != allowed.end()) {
        joined[of->second].code = entry.code();
        joined[of->second].message = entry.message();
        continue;
      }
    }
    joined.push_back(std::move(shown));
  }
  return joined;
}

bool IsBefore(const ShownEntry& a, const ShownEntry& b) {
  const absl::Time a_time = FromTimestamp(a.entry.time()), b_time = FromTimestamp(b.entry.time());
  const int64_t a_number = a.entry.number(), b_number = b.entry.number();
  return std::tie(a_time, a.host, a_number) < std::tie(b_time, b.host, b_number);
}

}  // namespace

absl::StatusOr<ExitCode> ListAudit(const AuditContext& context) {
  const absl::StatusOr<std::vector<std::string>> hosts = HostsOf(context);
  if (!hosts.ok()) return hosts.status();
  Mutex mutex;
  std::vector<ShownEntry> entries;
  bool all = true;
  const auto read = [&](const std::string& host) {
    return context.audit.List(RequestOf(context, host), [&](const v1::AuditEntry& entry) {
      MutexLock lock(mutex);
      all = entries.size() < kMostEntries;
      if (all) entries.push_back({.host = host, .entry = entry, .code = "", .message = ""});
      return all;
    });
  };
  const absl::StatusOr<ExitCode> exit = ForEachHost(context, *hosts, read);
  if (!exit.ok()) return exit;
  std::stable_sort(entries.begin(), entries.end(), IsBefore);
  if (context.invocation.flags.is_text()) entries = Joined(std::move(entries));
  const absl::StatusOr<std::string> text = AuditText(entries, context.options);
  if (!text.ok()) return text.status();
  context.console.out << *text << std::flush;
  if (!all) {
    context.console.err << "gitopsctl: only " << kMostEntries
                        << " entries are shown; narrow it with --since, or use audit export"
                        << std::endl;
  }
  return *exit;
}

absl::StatusOr<ExitCode> ExportAudit(const AuditContext& context) {
  const absl::StatusOr<std::vector<std::string>> hosts = HostsOf(context);
  if (!hosts.ok()) return hosts.status();
  Mutex mutex;
  return ForEachHost(context, *hosts, [&](const std::string& host) {
    absl::Status written;
    const absl::Status read =
        context.audit.List(RequestOf(context, host), [&](const v1::AuditEntry& entry) {
          absl::StatusOr<Json> tree = ToJson(entry);
          written = tree.status();
          if (!written.ok()) return false;
          if (!host.empty()) (*tree)["host"] = host;
          MutexLock lock(mutex);
          context.console.out << JsonLine(*tree);
          return context.console.out.good();
        });
    context.console.out << std::flush;
    return written.ok() ? read : written;
  });
}

absl::StatusOr<ExitCode> VerifyAudit(const AuditContext& context) {
  const absl::StatusOr<std::vector<std::string>> hosts = HostsOf(context);
  if (!hosts.ok()) return hosts.status();
  Mutex mutex;
  std::map<std::string, v1::VerifyAuditResponse> answers;
  const absl::StatusOr<ExitCode> exit = ForEachHost(context, *hosts, [&](const std::string& host) {
    v1::VerifyAuditRequest request;
    request.set_host(host);
    absl::StatusOr<v1::VerifyAuditResponse> answer = context.audit.Verify(request);
    if (!answer.ok()) return answer.status();
    MutexLock lock(mutex);
    answers[host] = *std::move(answer);
    return absl::OkStatus();
  });
  if (!exit.ok()) return exit;
  bool good = true;
  Json list = Json::array();
  for (const auto& [host, answer] : answers) {
    good = good && answer.problems().empty();
    if (!context.invocation.flags.is_text()) {
      absl::StatusOr<Json> tree = ToJson(answer);
      if (!tree.ok()) return tree.status();
      (*tree)["host"] = host;
      list.push_back(*std::move(tree));
      continue;
    }
    std::ostream& out = context.console.out;
    const std::string whose = host.empty() ? context.whose : host;
    out << EscapeLine(whose) << ": "
        << Counted(static_cast<size_t>(answer.checked()), "entry", "entries") << " read";
    if (answer.has_checkpoint()) {
      const v1::AuditCheckpoint& checkpoint = answer.checkpoint();
      out << "; up to " << checkpoint.number() << " removed by age or size, "
          << (checkpoint.signed_by().empty()
                  ? absl::StrCat("not signed: ", EscapeLine(checkpoint.unsigned_because()))
                  : absl::StrCat("signed by ", EscapeLine(checkpoint.signed_by())));
    }
    if (answer.problems().empty()) {
      out << "; no entry is missing or changed\n";
      continue;
    }
    out << "; " << Counted(static_cast<size_t>(answer.problems_size()), "problem") << "\n";
    for (const v1::AuditProblem& problem : answer.problems()) {
      out << "  ";
      if (problem.number() > 0) out << "entry " << problem.number() << ": ";
      out << EscapeLine(problem.message()) << "\n";
    }
  }
  if (!context.invocation.flags.is_text()) {
    const Json tree = {{"audits", list}};
    context.console.out << (context.invocation.flags.output == OutputForm::kYaml ? YamlText(tree)
                                                                                 : JsonText(tree));
  }
  context.console.out << std::flush;
  return good ? *exit : kFailed;
}

}  // namespace gitops::ctl
