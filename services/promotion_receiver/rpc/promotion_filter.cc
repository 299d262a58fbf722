#include "services/promotion_receiver/rpc/promotion_filter.h"

#include <algorithm>

#include "common/clock/timestamp.h"
#include "common/rpc/fingerprint.h"
#include "common/store/convert.h"
#include "services/promotion_receiver/revision/revision.h"

namespace gitops {

bool Matches(const record::v1::Promotion& promotion, const v1::PromotionFilter& filter) {
  const auto& states = filter.states();
  if (!states.empty() && std::find(states.begin(), states.end(),
                                   static_cast<int>(promotion.state())) == states.end()) {
    return false;
  }
  if (filter.has_namespace_() && promotion.namespace_() != filter.namespace_()) return false;
  if (filter.has_pipeline() && promotion.pipeline() != filter.pipeline()) return false;
  if (filter.has_environment() && promotion.environment() != filter.environment()) return false;
  if (filter.has_revision() &&
      RevisionIdentity(promotion.revision()) != RevisionIdentity(filter.revision())) {
    return false;
  }
  const absl::Time created = FromTimestamp(promotion.create_time());
  if (filter.has_since() && created < FromTimestamp(filter.since())) return false;
  return !filter.has_until() || created < FromTimestamp(filter.until());
}

v1::Promotion ToApi(const record::v1::Promotion& promotion) {
  v1::Promotion api = Converted<v1::Promotion>(promotion);
  AddEtag(api);
  return api;
}

}  // namespace gitops
