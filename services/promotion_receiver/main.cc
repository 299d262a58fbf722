#include <string>
#include <vector>

#include "services/promotion_receiver/program/program.h"

int main(int argc, char** argv) {
  return gitops::RunPromotionReceiver(std::vector<std::string>(argv + 1, argv + argc));
}
