//! the engine as steps, generic over the ports of core; no runtime.
