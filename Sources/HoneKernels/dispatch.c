#include "hone_kernels.h"
