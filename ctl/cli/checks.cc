#include "ctl/cli/checks.h"

#include <algorithm>
#include <tuple>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/git/url.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/address.h"
#include "common/tls/identity.h"
#include "ctl/cli/states.h"
#include "ctl/cli/words.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

absl::Status Usage(absl::string_view message) { return absl::InvalidArgumentError(message); }

absl::Status CheckArguments(const Form& form, const Words& arguments) {
  const CommandSpec& spec = SpecOf(form.command);
  if (!Fits(spec, arguments.size())) {
    return Usage(absl::StrCat(absl::StrJoin(form.words, " "),
                              arguments.size() < spec.required
                                  ? " needs more arguments"
                                  : absl::StrCat(" does not take ", arguments.back()),
                              "; usage: ", UsageOf(form.command)));
  }
  for (const std::string& argument : arguments) {
    if (argument.empty() || !IsUtf8(argument)) {
      return Usage(absl::StrCat(absl::StrJoin(form.words, " "), ": an argument is ",
                                argument.empty() ? "empty" : "not UTF-8",
                                "; usage: ", UsageOf(form.command)));
    }
  }
  return absl::OkStatus();
}

// A whole hash or its beginning, as the agent accepts it.
bool IsHash(absl::string_view text) {
  return text.size() >= 4 && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), absl::ascii_isxdigit);
}

absl::Status CheckHashes(const Form& form, const Words& arguments) {
  const CommandSpec& spec = SpecOf(form.command);
  for (size_t i = 0; i < std::min(arguments.size(), spec.arguments.size()); ++i) {
    if (spec.arguments[i] != Argument::kHash || IsHash(arguments[i])) continue;
    if (arguments[i] == "previous") continue;
    return Usage(absl::StrCat(absl::StrJoin(form.words, " "), ": '", EscapeLine(arguments[i]),
                              "' is not a revision: give its hash, of 4 to 64 hex digits "
                              "(0-9, a-f), or previous; usage: ",
                              UsageOf(form.command)));
  }
  return absl::OkStatus();
}

// A flag on the command line must be one of this command's. A variable is ignored by the commands
// that do not take it.
absl::Status CheckFlags(const CommandSpec& spec, const RawCommandLine& line, Flags& flags) {
  for (const FlagSpec& flag : FlagSpecs()) {
    if (TakesFlag(spec, flag)) continue;
    if (flag.name == "reason") flags.reason.clear();
    if (flag.name == "watch") flags.watch = false;
    const auto given = line.flags.find(flag.name);
    if (given == line.flags.end() || !given->second.by_flag) continue;
    if (const std::string hint = ForeignHint("--" + flag.name); !hint.empty()) {
      return Usage(
          absl::StrCat("--", flag.name, " cannot be used with ", NameOf(spec.command), hint));
    }
    Words others;
    for (const CommandSpec& other : CommandSpecs()) {
      if (TakesFlag(other, flag)) others.push_back(NameOf(other.command));
    }
    return Usage(absl::StrCat("--", flag.name, " cannot be used with ", NameOf(spec.command),
                              "; it is for ", absl::StrJoin(others, ", ")));
  }
  if (flags.reason.size() > 1000) return Usage("--reason: at most 1,000 bytes are allowed");
  if (!IsUtf8(flags.reason)) return Usage("--reason: the text is not UTF-8");
  for (const std::string& glob : flags.spec.selection().on()) {
    if (!IsUtf8(glob)) return Usage("--on: the glob is not UTF-8");
  }
  for (const std::string& tag : flags.spec.selection().tagged()) {
    if (!IsUtf8(tag)) return Usage("--tagged: the tag is not UTF-8");
  }
  return absl::OkStatus();
}

// Other forms have no columns, and are in the server's order.
absl::Status CheckListFlags(const Flags& flags) {
  if (flags.is_text() || (flags.columns.empty() && flags.sort.empty())) return absl::OkStatus();
  return Usage(absl::StrCat(flags.columns.empty() ? "--sort" : "--columns",
                            " works with -o table and -o wide only"));
}

absl::Status RefuseHost(const CommandSpec& spec, const Invocation& invocation) {
  const std::string name = NameOf(spec.command);
  if (spec.reach == Reach::kPromotions) {
    return Usage(absl::StrCat(name, " calls the promotion receiver and takes no @HOST"));
  }
  if (spec.reach == Reach::kNone) return Usage(absl::StrCat(name, " takes no @HOST"));
  const bool about_hosts = spec.command == CommandId::kListHosts ||
                           spec.command == CommandId::kGetHost ||
                           spec.command == CommandId::kWatchHosts;
  if (about_hosts) {
    return Usage(
        absl::StrCat(name, " calls the planner and takes no @HOST; to list the machine names of ",
                     invocation.host, ": gitopsctl list machines @HOST"));
  }
  return Usage(absl::StrCat(name, " calls the planner and takes no @HOST",
                            spec.selects ? "; select hosts with --on GLOB" : "", ": ",
                            UsageOf(spec.command)));
}

// Either the agent of @HOST or the fleet, not both.
absl::Status CheckReach(const CommandSpec& spec, const RawCommandLine& line,
                        const Invocation& invocation) {
  if (!invocation.host.empty() && !AsksHost(spec)) return RefuseHost(spec, invocation);
  if (spec.reach == Reach::kNone) return absl::OkStatus();
  for (const FlagSpec& flag : FlagSpecs()) {
    if (invocation.host.empty() || flag.group != FlagGroup::kSelection) continue;
    if (!line.flags.contains(flag.name)) continue;
    return Usage(absl::StrCat("--", flag.name,
                              " selects hosts of the fleet, and @HOST names the agent at ",
                              invocation.host, "; use one of them"));
  }
  if (!invocation.flags.context.empty()) {
    return Usage(
        "--context: stored contexts are not part of this version; name the planner with "
        "--planner, or a host with @HOST");
  }
  return absl::OkStatus();
}

bool IsLocal(const std::string& url) {
  const size_t start = url.find("://") + 3;
  const std::string authority = url.substr(start, url.find('/', start) - start);
  const absl::StatusOr<Address> address = ParseAddress(authority, 80);
  return address.ok() && address->is_local();
}

// A gateway is used in place of the planner and the promotion receiver; a flag that names one of
// them overrides GITOPS_GATEWAY.
absl::Status CheckGateway(const CommandSpec& spec, const RawCommandLine& line,
                          Invocation& invocation) {
  Flags& flags = invocation.flags;
  if (flags.gateway.empty() || spec.reach == Reach::kNone) return absl::OkStatus();
  const auto by_flag = [&](const char* name) {
    const auto found = line.flags.find(name);
    return found != line.flags.end() && found->second.by_flag;
  };
  for (const char* other : {"planner", "promotion-receiver", "hook-dispatcher"}) {
    if (!by_flag(other)) continue;
    if (by_flag("gateway")) {
      return Usage(absl::StrCat("--gateway and --", other, " name different ways; use one"));
    }
    flags.gateway.clear();
    return absl::OkStatus();
  }
  if (!invocation.host.empty() && HostName(invocation).empty()) {
    if (by_flag("gateway")) {
      return Usage(absl::StrCat("@", invocation.host,
                                " is an address; a gateway finds the agent itself: name the host "
                                "as the fleet does, without a port"));
    }
    flags.gateway.clear();
    return absl::OkStatus();
  }
  if (absl::Status status = CheckHttpUrl(flags.gateway); !status.ok()) {
    return Usage(absl::StrCat("--gateway: ", status.message()));
  }
  if (absl::StartsWithIgnoreCase(flags.gateway, "http://") && !IsLocal(flags.gateway) &&
      !flags.insecure) {
    return Usage(
        "--gateway: http:// would send the token in plain text to another machine; use "
        "https://, or --insecure");
  }
  return absl::OkStatus();
}

// A token stands for a whole plan: flags that would be part of a plan are refused with it.
absl::Status CheckPlanToken(const RawCommandLine& line, const Invocation& invocation) {
  Words contradicting;
  if (!invocation.arguments.empty()) {
    contradicting.push_back(absl::StrJoin(invocation.arguments, " "));
  }
  for (const FlagSpec& flag : FlagSpecs()) {
    const bool makes_a_plan = flag.group == FlagGroup::kSelection || flag.group == FlagGroup::kPlan;
    if (makes_a_plan && line.flags.contains(flag.name)) {
      contradicting.push_back(absl::StrCat("--", flag.name));
    }
  }
  if (contradicting.empty()) return absl::OkStatus();
  return Usage(absl::StrCat("deploy --plan deploys exactly that plan; omit ",
                            EscapeLine(absl::StrJoin(contradicting, ", "))));
}

absl::Status CheckPlan(const CommandSpec& spec, const RawCommandLine& line,
                       const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  if (line.flags.contains("plan")) return CheckPlanToken(line, invocation);
  if (spec.plans) {
    if (invocation.arguments.empty()) {
      return Usage(absl::StrCat(NameOf(spec.command), " needs actions (",
                                absl::StrJoin(AllActions(), ", "), ") or --plan TOKEN"));
    }
    if (absl::Status status = CheckActions(invocation.arguments); !status.ok()) return status;
  }
  for (const auto& [name, hash] :
       {std::pair<const char*, const std::string&>("revision", flags.spec.revision()),
        {"to", flags.to}}) {
    if (hash.empty() || IsHash(hash)) continue;
    return Usage(absl::StrCat("--", name, ": '", EscapeLine(hash),
                              "' is not a revision: give its hash, of 4 to 64 hex digits "
                              "(0-9, a-f)"));
  }
  const bool through_planner = invocation.host.empty();
  if (spec.changes && through_planner && !flags.spec.selection().all() &&
      !Narrows(flags.spec.selection())) {
    return Usage(absl::StrCat(NameOf(spec.command),
                              " would change the whole fleet: select hosts with --on, --tagged, "
                              "--skip, --every or --limit, or give --all for the whole fleet",
                              AsksHost(spec) ? ", or name one agent with @HOST" : ""));
  }
  return absl::OkStatus();
}

absl::Status CheckHooksTest(const CommandSpec& spec, const Invocation& invocation) {
  if (spec.command != CommandId::kHooksTest) return absl::OkStatus();
  const std::string& point = invocation.arguments[0];
  if (absl::Status status = CheckHookPoint(point); !status.ok()) return status;
  if (invocation.flags.hook_result != v1::STEP_RESULT_UNSPECIFIED && !IsPostPoint(point)) {
    return Usage(absl::StrCat("--result is the result of the step that a post- hook receives; ",
                              point, " is called before the step"));
  }
  return absl::OkStatus();
}

absl::Status CheckPromotions(const CommandSpec& spec, const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  const bool names_pipeline = !spec.arguments.empty() && spec.arguments[0] == Argument::kPipeline;
  // `get pipeline` looks for a name alone.
  const bool needs_namespace = names_pipeline && spec.command != CommandId::kGetPipeline;
  if (needs_namespace && !invocation.arguments.empty()) {
    const Words parts = absl::StrSplit(invocation.arguments[0], '/');
    if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
      return Usage(absl::StrCat("'", EscapeLine(invocation.arguments[0]),
                                "' is not a pipeline: write NAMESPACE/NAME"));
    }
  }
  if (flags.force && flags.reason.empty()) return Usage("--force needs --reason");
  if (flags.flux_manifests && flags.flux_address.empty()) {
    return Usage("--flux-manifests needs --address URL: the gateway, as the clusters reach it");
  }
  if (!flags.flux_address.empty()) {
    if (absl::Status status = CheckHttpUrl(flags.flux_address); !status.ok()) return status;
  }
  if (spec.command != CommandId::kTokenCreate) return absl::OkStatus();
  const bool is_name = !flags.token_name.empty() && flags.token_name.size() <= 64 &&
                       std::all_of(flags.token_name.begin(), flags.token_name.end(), [](char c) {
                         return absl::ascii_isgraph(static_cast<unsigned char>(c)) &&
                                !absl::StrContains("()\"\\", c);
                       });
  if (!is_name) {
    return Usage(
        "token create needs --name NAME: at most 64 printable ASCII characters without "
        "spaces, parentheses, quotes and backslashes");
  }
  if (flags.token_role.empty()) return Usage("token create needs --role ROLE");
  if (!absl::c_linear_search(kRolesOfPeople, flags.token_role)) {
    return Usage(absl::StrCat("--role: a token is for people: one of ",
                              absl::StrJoin(kRolesOfPeople, ", "), "; for a program use ca issue"));
  }
  return absl::OkStatus();
}

// What each command of an authority needs.
absl::Status CheckAuthority(const CommandSpec& spec, const Flags& flags) {
  const Words& takes = spec.flags;
  if (!absl::c_linear_search(takes, "dir")) return absl::OkStatus();
  const std::string name = NameOf(spec.command);
  const bool issues = spec.command == CommandId::kCaIssue;
  if (spec.command == CommandId::kCaToken && flags.authority.hosts.empty()) {
    return Usage("ca token needs --host NAME");
  }
  for (const auto& [flag, value, needed] :
       {std::tuple("--dir DIR", &flags.authority.directory, spec.command != CommandId::kCaToken),
        std::tuple("--out DIR", &flags.out_file, absl::c_linear_search(takes, "out")),
        std::tuple("--role ROLE", &flags.token_role, issues),
        std::tuple("--name NAME", &flags.token_name, issues)}) {
    if (needed && value->empty()) return Usage(absl::StrCat(name, " needs ", flag));
  }
  if (!issues) return absl::OkStatus();
  const absl::Status valid = CheckIdentityName(flags.token_name);
  return valid.ok() ? valid : Usage(absl::StrCat("--name: ", valid.message()));
}

}  // namespace

absl::Status CheckAll(const Form& form, const RawCommandLine& line, Invocation& invocation) {
  const CommandSpec& spec = SpecOf(form.command);
  if (absl::Status s = CheckArguments(form, invocation.arguments); !s.ok()) return s;
  if (absl::Status s = CheckHashes(form, invocation.arguments); !s.ok()) return s;
  if (absl::Status s = CheckFlags(spec, line, invocation.flags); !s.ok()) return s;
  if (absl::Status s = CheckListFlags(invocation.flags); !s.ok()) return s;
  if (absl::Status s = ReadStates(spec.command, invocation.flags); !s.ok()) return s;
  if (absl::Status s = CheckReach(spec, line, invocation); !s.ok()) return s;
  if (absl::Status s = CheckGateway(spec, line, invocation); !s.ok()) return s;
  if (absl::Status s = CheckPlan(spec, line, invocation); !s.ok()) return s;
  if (absl::Status s = CheckPromotions(spec, invocation); !s.ok()) return s;
  if (absl::Status s = CheckAuthority(spec, invocation.flags); !s.ok()) return s;
  if (absl::Status s = CheckWanted(spec.command, invocation.flags.wanted); !s.ok()) return s;
  return CheckHooksTest(spec, invocation);
}

}  // namespace gitops::ctl
