#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_RECEIVER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_RECEIVER_H_

#include "services/promotion_receiver/program/settings.h"

namespace gitops {

// Serves until SIGTERM or SIGINT; `flags` without the config file, to read it again. Returns the
// exit status.
int ServePromotionReceiver(const Settings& flags, PromotionReceiverConfig config);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_RECEIVER_H_
