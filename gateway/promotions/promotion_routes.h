#ifndef GITOPS_GATEWAY_PROMOTIONS_PROMOTION_ROUTES_H_
#define GITOPS_GATEWAY_PROMOTIONS_PROMOTION_ROUTES_H_

#include <cstddef>
#include <vector>

#include "common/client/promotion_client.h"
#include "common/http/server.h"
#include "gateway/front/front.h"
#include "gateway/promotions/event_forwarder.h"

namespace gitops {

// The largest --max-body: an event and its call must fit into a gRPC message of 4 MiB.
inline constexpr size_t kMostEventBytes = 3 << 20;

struct PromotionRoutesOptions {
  size_t max_body = 1 << 20;  // of an event; at most kMostEventBytes
  EventForwarderOptions forwarder;
};

// The webhooks for Flux and for approvals:
//   POST /pipelines/promotions/{namespace}/{name}/{environment}, also /promotion/…
//   POST /approval/{namespace}/{name}/{environment}/{revision}
// The receiver checks the signatures. Both answer 202 with the promotion in Location, or a problem.
// 429 and 503 have a Retry-After of 1 to 4 s, since Flux gives up after 15 s. Approvals with an
// Authorization header are those of a person. `front` must outlive the routes.
std::vector<HttpRoute> PromotionRoutes(Front* front, const PromotionClient& receiver,
                                       const PromotionRoutesOptions& options);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_PROMOTIONS_PROMOTION_ROUTES_H_
