#ifndef GITOPS_SERVICES_PLANNER_REPORT_REPORT_SERVICE_H_
#define GITOPS_SERVICES_PLANNER_REPORT_REPORT_SERVICE_H_

#include <memory>

#include "absl/time/time.h"
#include "common/rpc/gate.h"
#include "gitops/v1/report.grpc.pb.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// gitops.v1.ReportService on a Fleet, with gRPC's callback API: a stream holds no thread, so that
// thousands of agents fit (ADR 0015). Messages are raw, since a parsed one takes many times its
// bytes: what is too large is refused before. Must outlive the server it is registered on, and so
// must the fleet.
class ReportService
    : public v1::ReportService::WithRawCallbackMethod_Report<v1::ReportService::Service> {
 public:
  // Ends all streams and refuses new ones, for a drain. Any thread.
  virtual void Stop() = 0;
  // How many streams there are now.
  virtual int streams() const = 0;
};

struct ReportOptions {
  // Not owned.
  Fleet* fleet = nullptr;
  const RpcGate* gate = nullptr;
  absl::Duration heartbeat = absl::Seconds(30);
  ReportLimits
      limits;  // of them: how many streams, and how large a message; else RESOURCE_EXHAUSTED
};

std::unique_ptr<ReportService> NewReportService(ReportOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_REPORT_REPORT_SERVICE_H_
