#ifndef GITOPS_SERVICES_PLANNER_REPORT_REPORT_SERVICE_H_
#define GITOPS_SERVICES_PLANNER_REPORT_REPORT_SERVICE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/gate.h"
#include "common/sync/mutex.h"
#include "common/tls/authority.h"
#include "gitops/v1/report.grpc.pb.h"
#include "services/planner/audit/reported_audits.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// An agent's request for its next certificate.
struct RenewalRequest {
  std::string host;
  std::string serial;  // of the certificate that it called with
  std::string request_pem;
};

struct ReportOptions {
  // Not owned.
  Fleet* fleet = nullptr;
  const RpcGate* gate = nullptr;
  ReportedAudits* audits = nullptr;  // null: what agents report of them is not kept
  absl::Duration heartbeat = absl::Seconds(30);
  // Issues certificates; errors as the RPC has them. Any thread. Empty: FAILED_PRECONDITION.
  std::function<absl::StatusOr<IssuedMaterial>(const RenewalRequest&)> renew;
  // Of these, the number of streams and the size of a message; beyond them: RESOURCE_EXHAUSTED.
  ReportLimits limits;
};

// gitops.v1.ReportService on a Fleet, with gRPC's callback API: a stream holds no thread, so that
// thousands of agents fit (ADR 0015). Messages are raw, since a parsed one takes many times its
// bytes: a message that is too large is refused before it is parsed. Must outlive the server that
// it is registered on; so must the fleet.
class ReportService final
    : public v1::ReportService::WithRawCallbackMethod_Report<v1::ReportService::Service> {
 public:
  using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  explicit ReportService(const ReportOptions& options);
  // Returns when the last stream is gone, which is when the server has ended.
  ~ReportService() override;

  Reactor* Report(grpc::CallbackServerContext* context) override;
  grpc::Status RenewCertificate(grpc::ServerContext* context,
                                const v1::RenewCertificateRequest* request,
                                v1::RenewCertificateResponse* response) override;

  // Ends all streams and refuses new ones, for a drain. Any thread.
  void Stop();
  // The number of open streams.
  int streams() const;

 private:
  class Stream;

  // An error is what the stream is to end with.
  absl::Status Add(std::shared_ptr<Stream> stream);
  void Remove(Stream* stream);

  const ReportOptions options_;
  mutable Mutex mutex_;
  CondVar gone_;
  // Each until its last callback.
  std::map<Stream*, std::shared_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_REPORT_REPORT_SERVICE_H_
