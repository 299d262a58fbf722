#include "gateway/api/api_table.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "gitops/v1/agent.pb.h"
#include "gitops/v1/audit.pb.h"
#include "gitops/v1/planner.pb.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops {

const HttpRoutes& ApiTable() {
  static const HttpRoutes& table = *[] {
    const std::vector<const google::protobuf::ServiceDescriptor*> services = {
        v1::ListHostsRequest::descriptor()->file()->FindServiceByName("PlannerService"),
        v1::GetServiceRequest::descriptor()->file()->FindServiceByName("AgentService"),
        v1::GetPipelineRequest::descriptor()->file()->FindServiceByName("PromotionService"),
        v1::ListAuditRequest::descriptor()->file()->FindServiceByName("AuditService")};
    absl::StatusOr<HttpRoutes> compiled = HttpRoutes::Compile(services);
    if (!compiled.ok()) {
      std::fprintf(stderr, "%s\n", compiled.status().ToString().c_str());
      std::abort();  // the protos are wrong, which tests find
    }
    return new HttpRoutes(*std::move(compiled));
  }();
  return table;
}

const google::protobuf::MethodDescriptor& ApiMethod(absl::string_view name) {
  for (const RpcRoute& route : ApiTable().routes()) {
    if (route.method->name() == name) return *route.method;
  }
  std::fprintf(stderr, "the API has no RPC %.*s\n", static_cast<int>(name.size()), name.data());
  std::abort();  // a name in the code is wrong, which tests find
}

}  // namespace gitops
