#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_PROGRAM_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_PROGRAM_H_

#include <string>
#include <vector>

namespace gitops {

// Runs gitops-promotion-receiver with its arguments (without the program's name). Returns the exit
// status: 0 stopped by a signal; 1 could not start or continue; 2 wrong flags or config. Called
// once, from main().
int RunPromotionReceiver(const std::vector<std::string>& arguments);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_PROGRAM_H_
