#include "services/promotion_receiver/record/record_kinds.h"

#include "gitops/record/v1/notification.pb.h"
#include "gitops/record/v1/promotion.pb.h"
#include "gitops/record/v1/request.pb.h"

namespace gitops {

const RecordKinds& PromotionRecords() {
  static const auto& records =
      *new RecordKinds{"promotion-receiver/v1/",
                       {{"promotion", IsMessage<record::v1::Promotion>},
                        {"promotion-repeats", IsMessage<record::v1::PromotionRepeats>},
                        {"hold", IsMessage<record::v1::EnvironmentHold>},
                        {"signature", IsMessage<record::v1::UsedSignature>},
                        {"request", IsMessage<record::v1::RequestEntry>},
                        {"notification", IsMessage<record::v1::NotificationDelivery>}}};
  return records;
}

}  // namespace gitops
