#include "bench/swarm.h"

#include <google/protobuf/util/time_util.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/report/reporter.h"
#include "common/clock/clock.h"
#include "common/rpc/prepare.h"
#include "common/rpc/tls_files.h"
#include "common/schedule/scheduler.h"
#include "common/tls/authority.h"
#include "gitops/v1/operation.grpc.pb.h"
#include "gitops/v1/types.pb.h"

namespace gitops {
namespace {

constexpr char kUpstream[] = "https://git.example/ops.git";
constexpr char kHash[] = "3f786850e387550fdab836ed7e6dc881de23001b";
constexpr int kReportThreads = 4;
constexpr int kTlsPort = 8004;

std::string HostName(int index) { return absl::StrCat("web", index + 1); }
std::string ServiceName(int index) { return index == 0 ? "app" : absl::StrCat("service", index); }
std::string AddressOf(const SwarmOptions& options, int index) {
  if (options.tls) return absl::StrCat("127.1.", index / 250, ".", index % 250 + 1, ":", kTlsPort);
  return absl::StrCat("unix:", options.directory, "/", HostName(index));
}

std::string TlsDirectory(const SwarmOptions& options, const std::string& name) {
  return absl::StrCat(options.directory, "/tls/", name);
}

// As an agent tells it, with what is usual filled in.
v1::Service ServiceOf(int host, int index) {
  using google::protobuf::util::TimeUtil;
  v1::Service service;
  service.set_host(HostName(host));
  service.set_service(ServiceName(index));
  service.set_state(v1::SERVICE_STATE_OK);
  service.set_hash(kHash);
  service.set_target_hash(kHash);
  *service.mutable_change_time() = TimeUtil::SecondsToTimestamp(1'800'000'000);
  *service.mutable_last_poll_time() = TimeUtil::SecondsToTimestamp(1'800'000'100);
  *service.mutable_next_attempt_time() = TimeUtil::SecondsToTimestamp(1'800'000'160);
  service.set_upstream(kUpstream);
  service.set_branch("main");
  service.set_action("reload");
  service.set_tracking(index == 0 ? v1::TRACKING_COORDINATED : v1::TRACKING_AUTO);
  v1::Directory* directory = service.add_directories();
  directory->set_local(absl::StrCat("/etc/", ServiceName(index)));
  directory->set_link(absl::StrCat(ServiceName(index), "/etc"));
  service.set_generation(7);
  return service;
}

v1::Hello HelloOf(const SwarmOptions& options, int host) {
  v1::Hello hello;
  hello.add_names(HostName(host));
  hello.set_address(AddressOf(options, host));
  hello.set_version("1.0.0");
  hello.set_boot_id(absl::StrCat("d3c1a2f4-5b6e-47d8-9a0b-000000000000.", host));
  for (int i = 0; i < options.services; ++i) *hello.add_services() = ServiceOf(host, i);
  return hello;
}

// All hosts' operations: nothing that is asked for is yet to be done.
class Operations final : public v1::OperationService::CallbackService {
 public:
  int performed() const { return performed_; }

  grpc::ServerUnaryReactor* GetHostStatus(grpc::CallbackServerContext* context,
                                          const v1::GetHostStatusRequest*,
                                          v1::GetHostStatusResponse* response) override {
    response->set_boot_id("d3c1a2f4-5b6e-47d8-9a0b-000000000000.1");
    response->set_version("1.0.0");
    return Done(context);
  }

  grpc::ServerUnaryReactor* ResolveRevision(grpc::CallbackServerContext* context,
                                            const v1::ResolveRevisionRequest*,
                                            v1::ResolveRevisionResponse* response) override {
    response->set_hash(kHash);
    response->set_upstream(kUpstream);
    response->set_branch("main");
    return Done(context);
  }

  grpc::ServerUnaryReactor* PerformAction(grpc::CallbackServerContext* context,
                                          const v1::PerformActionRequest*,
                                          v1::PerformActionResponse* response) override {
    response->set_output(absl::StrCat("app is at ", kHash, " already\n"));
    v1::ServiceMove* move = response->add_moves();
    move->set_service(ServiceName(0));
    move->set_from_hash(kHash);
    move->set_to_hash(kHash);
    ++performed_;
    return Done(context);
  }

  grpc::ServerUnaryReactor* RunCheck(grpc::CallbackServerContext* context,
                                     const v1::RunCheckRequest*,
                                     v1::RunCheckResponse* response) override {
    response->set_exit_status(0);
    return Done(context);
  }

 private:
  static grpc::ServerUnaryReactor* Done(grpc::CallbackServerContext* context) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  std::atomic<int> performed_ = 0;
};

class SwarmImpl final : public Swarm {
 public:
  explicit SwarmImpl(SwarmOptions options)
      : options_(std::move(options)), scheduler_(NewScheduler(Clock::System(), kReportThreads)) {}
  ~SwarmImpl() override {
    reporters_.clear();
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::Status Open() {
    if (options_.serve) {
      if (absl::Status served = Serve(); !served.ok()) return served;
    }
    return options_.planner.empty() ? absl::OkStatus() : Report();
  }

  int connected() const override { return connected_; }
  int performed() const override { return operations_.performed(); }

 private:
  // One server at all addresses, so that a host costs no more than its socket.
  absl::Status Serve() {
    grpc::ServerBuilder builder;
    // As the agent's own server, so that a call costs here what it costs there.
    PrepareGrpc();
    builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
    builder.AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadChunkBytes);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, kBdpProbe);
    for (int i = 0; i < options_.hosts; ++i) {
      std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
      if (options_.tls) {
        absl::StatusOr<std::shared_ptr<TlsFiles>> files =
            TlsFiles::Open(TlsDirectory(options_, HostName(i)));
        if (!files.ok()) return files.status();
        credentials = (*files)->ForServer();
        tls_files_.push_back(*std::move(files));
      }
      builder.AddListeningPort(AddressOf(options_, i), std::move(credentials));
    }
    builder.RegisterService(&operations_);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("cannot listen at the addresses of ", options_.hosts,
                                               " hosts, from ", AddressOf(options_, 0), " on"));
  }

  absl::Status Report() {
    for (int i = 0; i < options_.hosts; ++i) {
      ReporterOptions reporter;
      reporter.planner = options_.planner;
      if (options_.tls) reporter.tls_dir = TlsDirectory(options_, HostName(i));
      reporter.hello = [this, i] { return HelloOf(options_, i); };
      reporter.service = [](const std::string&) { return std::nullopt; };
      reporter.on_connected = [this](bool connected) { Count(connected ? 1 : -1); };
      reporter.clock = Clock::System();
      reporter.scheduler = scheduler_.get();
      auto made = Reporter::New(std::move(reporter));
      if (!made.ok()) return made.status();
      reporters_.push_back(*std::move(made));
    }
    for (const auto& reporter : reporters_) reporter->Start();
    return absl::OkStatus();
  }

  void Count(int change) {
    const int now = connected_ += change;
    if (options_.on_connected && (now == 0 || now == options_.hosts)) options_.on_connected(now);
  }

  const SwarmOptions options_;
  std::atomic<int> connected_ = 0;
  Operations operations_;
  std::vector<std::shared_ptr<TlsFiles>> tls_files_;
  std::unique_ptr<grpc::Server> server_;
  const std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::unique_ptr<Reporter>> reporters_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Swarm>> Swarm::Start(SwarmOptions options) {
  auto swarm = std::make_unique<SwarmImpl>(std::move(options));
  if (absl::Status opened = swarm->Open(); !opened.ok()) return opened;
  return swarm;
}

absl::Status MakeSwarmCertificates(const SwarmOptions& options) {
  const std::string directory = options.directory + "/ca";
  if (absl::Status made = CertificateAuthority::Init(directory, {}, absl::Now()); !made.ok()) {
    return made;
  }
  const absl::StatusOr<CertificateAuthority> authority = CertificateAuthority::Open(directory);
  if (!authority.ok()) return authority.status();
  std::vector<Identity> holders = {{Role::kPlanner, "planner"}};
  for (int i = 0; i < options.hosts; ++i) holders.push_back({Role::kAgent, HostName(i)});
  for (const Identity& holder : holders) {
    const absl::StatusOr<IssuedMaterial> material =
        authority->Issue({.identity = holder}, absl::Now());
    if (!material.ok()) return material.status();
    const std::filesystem::path place = TlsDirectory(options, holder.name);
    std::filesystem::create_directories(place);
    std::ofstream(place / "ca.crt") << material->authorities_pem;
    std::ofstream(place / "tls.crt") << material->chain_pem;
    std::ofstream(place / "tls.key") << material->key_pem.Reveal();
  }
  return absl::OkStatus();
}

std::string SwarmFleetFile(const SwarmOptions& options) {
  std::string text = absl::StrCat("[global]\nupstream = \"", kUpstream, "\"\nbranch = \"main\"\n");
  for (int i = 0; i < options.hosts; ++i) {
    absl::StrAppend(&text, "\n[[hosts]]\nname = \"", HostName(i), "\"\naddress = \"",
                    AddressOf(options, i), "\"\n\n[[services]]\nmachine = \"", HostName(i),
                    "\"\nservice = \"", ServiceName(0),
                    "\"\ntracking = \"coordinated\"\n"
                    "dirs = [ { local = \"/etc/app\", link = \"app/etc\" } ]\n");
  }
  return text;
}

}  // namespace gitops
