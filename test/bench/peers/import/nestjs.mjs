// Loaded as its documentation says, and not used.
import 'reflect-metadata'
import '@nestjs/core'
