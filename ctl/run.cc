#include "ctl/run.h"

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/client/agent_client.h"
#include "common/client/audit_client.h"
#include "common/client/planner_client.h"
#include "common/client/promotion_client.h"
#include "common/config/ports.h"
#include "common/rpc/address.h"
#include "common/rpc/error.h"
#include "common/rpc/peer.h"
#include "common/server/version.h"
#include "ctl/agent_address.h"
#include "ctl/check_columns.h"
#include "ctl/client_options.h"
#include "ctl/commands/audit_commands.h"
#include "ctl/commands/ca_commands.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/promotion_commands.h"
#include "ctl/commands/selected.h"
#include "ctl/exit_code.h"
#include "ctl/failure.h"
#include "ctl/gateway/gateway_proxy.h"
#include "ctl/output/escape.h"
#include "ctl/output/fleet_renderer.h"
#include "ctl/output/promotion_renderer.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {
namespace {

// Null for commands that call no agent.
Command CommandOf(CommandId command) {
  switch (command) {
    case CommandId::kListMachines:
      return ListMachines;
    case CommandId::kListServices:
      return ListServices;
    case CommandId::kGetService:
      return GetService;
    case CommandId::kFreeze:
      return Freeze;
    case CommandId::kUnfreeze:
      return Unfreeze;
    case CommandId::kPull:
      return Pull;
    case CommandId::kRollback:
      return Rollback;
    case CommandId::kDiff:
      return Diff;
    case CommandId::kWatch:
      return Watch;
    case CommandId::kCheck:
      return Check;
    case CommandId::kDescribeService:
      return GetService;
    case CommandId::kHistory:
      return History;
    case CommandId::kWaitService:
      return WaitService;
    case CommandId::kDebugBundle:
      return DebugBundle;
    default:
      return nullptr;
  }
}

// Null for commands that call no planner.
FleetCommand FleetCommandOf(CommandId command) {
  switch (command) {
    case CommandId::kListMachines:
      return ListFleetMachines;
    case CommandId::kListServices:
      return ListFleetServices;
    case CommandId::kListHosts:
      return ListFleetHosts;
    case CommandId::kListDeployments:
      return ListDeployments;
    case CommandId::kListHooks:
      return ListHooks;
    case CommandId::kListLocks:
      return ListLocks;
    case CommandId::kGetService:
      return GetFleetService;
    case CommandId::kGetHost:
      return GetFleetHost;
    case CommandId::kGetDeployment:
      return GetDeployment;
    case CommandId::kFreeze:
      return FreezeFleet;
    case CommandId::kUnfreeze:
      return UnfreezeFleet;
    case CommandId::kPull:
      return PullFleet;
    case CommandId::kRollback:
      return RollbackFleet;
    case CommandId::kDiff:
      return DiffFleet;
    case CommandId::kWatch:
      return WatchFleetServices;
    case CommandId::kWatchHosts:
      return WatchFleetHosts;
    case CommandId::kCheck:
      return CheckFleet;
    case CommandId::kPlan:
      return MakePlan;
    case CommandId::kDeploy:
      return Deploy;
    case CommandId::kWatchDeployment:
      return WatchDeployment;
    case CommandId::kCancelDeployment:
      return CancelDeployment;
    case CommandId::kResumeDeployment:
      return ResumeDeployment;
    case CommandId::kRollbackDeployment:
      return RollbackDeployment;
    case CommandId::kHooksTest:
      return TestHooks;
    case CommandId::kBreakLock:
      return BreakLock;
    case CommandId::kRemoveRecord:
      return RemoveRecord;
    case CommandId::kWaitService:
      return WaitFleetService;
    case CommandId::kWaitDeployment:
      return WaitDeployment;
    case CommandId::kHistory:
      return FleetHistory;
    case CommandId::kDescribeService:
      return DescribeFleetService;
    case CommandId::kDescribeHost:
      return DescribeHost;
    case CommandId::kDescribeDeployment:
      return DescribeDeployment;
    case CommandId::kEvents:
      return FleetEvents;
    case CommandId::kAcknowledge:
      return AcknowledgeHost;
    case CommandId::kDebugBundle:
      return FleetDebugBundle;
    default:
      return nullptr;
  }
}

// Null for commands that call no promotion receiver.
PromotionCommand PromotionCommandOf(CommandId command) {
  switch (command) {
    case CommandId::kListPipelines:
      return ListPipelines;
    case CommandId::kListPromotions:
      return ListPromotions;
    case CommandId::kGetPipeline:
      return GetPipeline;
    case CommandId::kGetPromotion:
      return GetPromotion;
    case CommandId::kApprovePromotion:
      return ApprovePromotion;
    case CommandId::kRejectPromotion:
      return RejectPromotion;
    case CommandId::kReplayPromotion:
      return ReplayPromotion;
    case CommandId::kHoldEnvironment:
      return HoldEnvironment;
    case CommandId::kReleaseEnvironment:
      return ReleaseEnvironment;
    case CommandId::kRemoveRecord:
      return RemovePromotionRecord;
    default:
      return nullptr;
  }
}

bool IsDumb(const Console& console) { return console.environment("TERM").value_or("") == "dumb"; }

bool UseColor(ColorWhen when, const Console& console, bool on_terminal) {
  if (when != ColorWhen::kAuto) return when == ColorWhen::kAlways;
  const auto is_set = [&](const char* name) {
    return !console.environment(name).value_or("").empty();
  };
  return on_terminal && !is_set("NO_COLOR") && !IsDumb(console);
}

RenderOptions RenderOptionsFor(const Invocation& invocation, const Console& console) {
  RenderOptions options;
  options.form = invocation.flags.output;
  options.color = UseColor(invocation.flags.color, console, console.out_is_terminal);
  options.terminal = console.out_is_terminal && !IsDumb(console);
  options.size = console.size;
  options.columns = invocation.flags.columns;
  options.sort = invocation.flags.sort;
  options.headers = !invocation.flags.no_headers;
  return options;
}

// Where a command calls its server.
struct Route {
  std::string address;
  // What listens at the address, if that is a gateway's stand-in.
  std::unique_ptr<GatewayProxy> proxy;
};

absl::StatusOr<Route> RouteTo(const std::string& server, const Invocation& invocation,
                              const Console& console) {
  Route route{server, nullptr};
  if (invocation.flags.gateway.empty() || server != invocation.flags.gateway) return route;
  auto proxy =
      GatewayProxy::Start({.url = server,
                           .token = Secret(console.environment("GITOPS_TOKEN").value_or("")),
                           .tls_dir = invocation.flags.tls_dir,
                           .host = HostName(invocation)});
  if (!proxy.ok()) return proxy.status();
  route.proxy = *std::move(proxy);
  route.address = route.proxy->address();
  return route;
}

// Where the agent of a name is dialled. The agent of this machine is called over its unix socket
// where that may be opened, which shows it who calls.
std::string AgentAddress(const Invocation& invocation, const Console& console) {
  const std::string& host = invocation.host;
  if (invocation.named_host) return AddressOfHost(invocation, console);
  for (const char* self : {"localhost", "127.0.0.1", "[::1]"}) {
    if (host == self && CanOpenSocket(kAgentSocket)) return absl::StrCat("unix:", kAgentSocket);
  }
  return host;
}

// Whom an agent's certificate must name: the host, or the address that was given instead.
ServerIdentity AgentServer(const Invocation& invocation) {
  ServerIdentity server{.role = Role::kAgent, .name = HostName(invocation)};
  if (invocation.named_host) return server;
  const absl::StatusOr<Address> address = ParseAddress(invocation.host, kAgentPort);
  if (!address.ok() || address->is_local()) return {.role = Role::kAgent, .name = ""};
  return {.role = Role::kAgent, .name = address->host, .or_address = true};
}

absl::StatusOr<ExitCode> RunOnHost(Command command, const Invocation& invocation,
                                   Renderer& renderer, Console& console) {
  const std::string& gateway = invocation.flags.gateway;
  const absl::StatusOr<Route> route =
      RouteTo(gateway.empty() ? AgentAddress(invocation, console) : gateway, invocation, console);
  if (!route.ok()) return route.status();
  ClientOptions options = ClientOptionsFor(route->address, invocation.flags, console);
  options.server = AgentServer(invocation);
  absl::StatusOr<AgentClient> agent = AgentClient::New(options);
  if (!agent.ok()) return agent.status();
  CommandContext context{invocation, *agent, renderer, console};
  return command(context);
}

absl::StatusOr<ExitCode> RunOnFleet(FleetCommand command, const Invocation& invocation,
                                    Renderer& renderer, Console& console) {
  const absl::StatusOr<Route> route = RouteTo(ServerOf(invocation), invocation, console);
  if (!route.ok()) return route.status();
  absl::StatusOr<PlannerClient> planner =
      PlannerClient::New(ClientOptionsFor(route->address, invocation.flags, console));
  if (!planner.ok()) return planner.status();
  const std::unique_ptr<FleetRenderer> fleet =
      MakeFleetRenderer(RenderOptionsFor(invocation, console), console.out);
  FleetContext context{invocation,
                       *planner,
                       renderer,
                       *fleet,
                       console,
                       UseColor(invocation.flags.color, console, console.out_is_terminal),
                       UseColor(invocation.flags.color, console, console.err_is_terminal)};
  return command(context);
}

// Null for other commands.
AuditCommand AuditCommandOf(CommandId command) {
  switch (command) {
    case CommandId::kAudit:
      return ListAudit;
    case CommandId::kAuditVerify:
      return VerifyAudit;
    case CommandId::kAuditExport:
      return ExportAudit;
    default:
      return nullptr;
  }
}

// Who is asked for its audit.
struct Audited {
  std::string whose, program;
  int port;
};

Audited AuditedBy(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  if (!invocation.host.empty()) return {invocation.host, "gitops-agent", kAgentPort};
  if (flags.program == "promotion-receiver") {
    return {"the promotion receiver", "gitops-promotion-receiver", kPromotionReceiverPort};
  }
  if (flags.program == "hook-dispatcher" || !flags.hook_dispatcher.empty()) {
    return {"the hook dispatcher", "gitops-hook-dispatcher", kHookDispatcherPort};
  }
  return {"the planner", "gitops-planner", kPlannerPort};
}

absl::StatusOr<ExitCode> RunOnAudit(AuditCommand command, const Invocation& invocation,
                                    const RenderOptions& options, Console& console) {
  const std::string& gateway = invocation.flags.gateway;
  const Audited audited = AuditedBy(invocation);
  const bool of_agent = audited.port == kAgentPort;
  const bool of_planner = audited.port == kPlannerPort;
  if (!gateway.empty() && !of_agent && !of_planner) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a gateway passes on the audits of the planner and of agents only; leave out --gateway"));
  }
  const std::string server = !gateway.empty() ? gateway
                             : of_agent       ? AgentAddress(invocation, console)
                                              : ServerOf(invocation);
  const absl::StatusOr<Route> route = RouteTo(server, invocation, console);
  if (!route.ok()) return route.status();
  ClientOptions client = ClientOptionsFor(route->address, invocation.flags, console);
  if (of_agent && gateway.empty()) client.server = AgentServer(invocation);
  const absl::StatusOr<AuditClient> audit =
      AuditClient::New(client, audited.whose, audited.program, audited.port);
  if (!audit.ok()) return audit.status();
  absl::StatusOr<PlannerClient> planner = absl::UnavailableError("no planner");
  if (of_planner) planner = PlannerClient::New(client);
  const std::string host = of_agent && !gateway.empty() ? HostName(invocation) : "";
  return command({.invocation = invocation,
                  .audit = *audit,
                  .planner = planner.ok() ? &*planner : nullptr,
                  .host = host,
                  .whose = audited.whose,
                  .options = options,
                  .console = console});
}

absl::StatusOr<ExitCode> RunOnReceiver(PromotionCommand command, const Invocation& invocation,
                                       Console& console) {
  const absl::StatusOr<Route> route = RouteTo(ServerOf(invocation), invocation, console);
  if (!route.ok()) return route.status();
  absl::StatusOr<PromotionClient> receiver =
      PromotionClient::New(ClientOptionsFor(route->address, invocation.flags, console));
  if (!receiver.ok()) return receiver.status();
  PromotionRenderer renderer(RenderOptionsFor(invocation, console), console.out);
  PromotionContext context{invocation, *receiver, renderer, console};
  return command(context);
}

// Null for other commands.
AuthorityCommand AuthorityCommandOf(CommandId command) {
  switch (command) {
    case CommandId::kCaInit:
      return InitAuthority;
    case CommandId::kCaIssue:
      return IssueCertificate;
    case CommandId::kCaRenew:
      return RenewCertificate;
    case CommandId::kCaList:
      return ListCertificates;
    case CommandId::kCaRevoke:
      return RevokeCertificates;
    case CommandId::kCaIssuer:
      return AddIssuer;
    case CommandId::kCaRetire:
      return RetireRoot;
    case CommandId::kCaToken:
      return MakeJoinTokens;
    default:
      return nullptr;
  }
}

absl::StatusOr<ExitCode> Perform(const Invocation& invocation, Console& console) {
  const RenderOptions options = RenderOptionsFor(invocation, console);
  if (absl::Status status = CheckColumns(invocation, options); !status.ok()) return status;
  const std::unique_ptr<Renderer> renderer = MakeRenderer(options, console.out);
  if (const AuditCommand command = AuditCommandOf(invocation.command); command != nullptr) {
    return RunOnAudit(command, invocation, options, console);
  }
  if (!invocation.host.empty()) {
    if (const Command command = CommandOf(invocation.command); command != nullptr) {
      return RunOnHost(command, invocation, *renderer, console);
    }
  }
  if (AsksReceiver(invocation)) {
    return RunOnReceiver(PromotionCommandOf(invocation.command), invocation, console);
  }
  if (const FleetCommand command = FleetCommandOf(invocation.command); command != nullptr) {
    return RunOnFleet(command, invocation, *renderer, console);
  }
  if (const AuthorityCommand command = AuthorityCommandOf(invocation.command); command != nullptr) {
    return command(AuthorityContext{invocation, options, console});
  }
  if (invocation.command == CommandId::kTokenCreate) return CreateToken(invocation, console);
  if (invocation.command == CommandId::kConfigCheck) return CheckConfigs(invocation, console);
  if (invocation.command == CommandId::kConfigRender) return RenderConfig(invocation, console);
  if (invocation.command == CommandId::kConfigSchema) return PrintConfigSchema(console);
  if (invocation.command == CommandId::kCompletion) return Completion(invocation, console);
  if (invocation.command == CommandId::kHelp) return Help(invocation, console);
  if (absl::Status status = renderer->Version(Version()); !status.ok()) return status;
  return kDone;
}

// With other globs beside it, it would be left out without a word.
void TellComma(const Invocation& invocation, Console& console) {
  const v1::Selection& selection = invocation.flags.spec.selection();
  if (selection.on_size() < 2) return;
  if (const std::string hint = CommaHint(selection); !hint.empty()) {
    console.err << "gitopsctl: " << EscapeLine(hint) << std::endl;
  }
}

// Adds hints that the planner cannot give: about how the selection was written, and, if no planner
// runs here, about asking the agent instead.
absl::Status WithPlannerHint(const Invocation& invocation, const absl::Status& failure) {
  const std::string comma = CommaHint(invocation.flags.spec.selection());
  if (ReasonName(failure) == "NO_HOST_SELECTED" && !comma.empty()) return WithHint(failure, comma);
  const bool at_default =
      IsUnreachable(failure) && invocation.host.empty() && ServerOf(invocation) == DefaultPlanner();
  if (!at_default || !AsksHost(SpecOf(invocation.command))) return failure;
  return WithHint(failure,
                  "there is no planner here: for this host's agent add @localhost, for a planner "
                  "elsewhere --planner ADDRESS");
}

}  // namespace

int Run(const std::vector<std::string>& arguments, Console& console) {
  if (!arguments.empty() && arguments[0] == "__complete") {
    return Complete({arguments.begin() + 1, arguments.end()}, console);
  }
  if (arguments.size() == 1 && arguments[0] == "__man") return ManPage(console);
  if (arguments.size() == 2 && (arguments[0] == "__man" || arguments[0] == "__completion")) {
    const absl::StatusOr<ExitCode> written = arguments[0] == "__man"
                                                 ? ServerManPage(arguments[1], console)
                                                 : ServerCompletion(arguments[1], console);
    if (written.ok()) return *written;
    console.err << FailureText("", written.status()) << std::endl;
    return kUsage;
  }
  const absl::StatusOr<Invocation> invocation = ParseInvocation(arguments, console.environment);
  if (!invocation.ok()) {
    console.err << FailureText("", invocation.status()) << std::endl;
    return kUsage;
  }
  TellComma(*invocation, console);
  const absl::StatusOr<ExitCode> exit_code = Perform(*invocation, console);
  if (exit_code.ok()) return *exit_code;
  const absl::Status failure = WithPlannerHint(*invocation, exit_code.status());
  console.err << FailureText(Describe(*invocation), failure) << std::endl;
  return ExitCodeOf(exit_code.status());
}

}  // namespace gitops::ctl
