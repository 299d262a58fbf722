#ifndef GITOPS_COMMON_TEXT_RANDOM_HEX_H_
#define GITOPS_COMMON_TEXT_RANDOM_HEX_H_

#include <string>

namespace gitops {

// So many lower-case hexadecimal digits of the system's random source. Nobody can guess them; they
// are safe in a URL, and on a command line, where a leading '-' would not be. Ends the program if
// the system has no random source. Any thread.
std::string RandomHex(int digits);

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_RANDOM_HEX_H_
